using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>
/// Contrastive MIM (2502.19642), as its authors' production code has it: sentence-MIM's loss plus −log p(k=1|x_i,z_i), where
/// log p(k=1|x_i,z_i) = s_ii/τ − log(exp(s_ii/τ) + 1/(B−1) Σ_{j≠i} exp(s_ij/τ)) and s_ij is the cosine of the drawn codes z_i and z_j. There is no positive
/// pair and no augmentation; the mean over the negatives makes the term comparable between batch sizes. A batch of one row has no such term.
/// </summary>
public sealed class CMimObjective(double temperature) : Objective
{
    public override HalfEstimate Encode(Autoencoder model, Tensor x, double beta, Generator noise)
    {
        var code = Code.Draw(model, x, noise);
        var loss = AMimSentenceObjective.Loss(code, beta);
        if (x.shape[0] > 1)
        {
            loss = loss - LogPositive(code.Z, temperature);
        }
        return new HalfEstimate(loss.mean(), code.LogPxz, code.LogPrior, code.LogQzx, null);
    }

    /// <summary>log p(k=1|x_i,z_i), (B), at most 0; z is (B, Z), B > 1.</summary>
    public static Tensor LogPositive(Tensor z, double temperature)
    {
        var direction = nn.functional.normalize(z);
        var similarity = direction.matmul(direction.t()) / temperature;
        var rows = z.shape[0];
        // Each negative counts 1/(B−1).
        var logWeights = (eye(rows, dtype: z.dtype, device: z.device) - 1) * Math.Log(rows - 1);
        return similarity.diagonal() - (similarity + logWeights).logsumexp(1);
    }
}
