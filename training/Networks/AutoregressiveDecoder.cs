namespace Mim.Training;

/// <summary>
/// p(x|z) = Π p(xᵢ|x₍ⱼ₎ with j &lt; i, z): its graph takes x beside z and gives every element's conditional at once; the loop that draws x is the host's.
/// </summary>
public abstract class AutoregressiveDecoder(string name) : Decoder(name)
{
    public sealed override OnnxLikelihood Write(OnnxModules graph, OnnxValue z, string path) =>
        throw new InvalidOperationException($"{path}: an autoregressive decoder is written with the x that it is given.");

    /// <summary>
    /// As <see cref="Decoder.Write"/>; <paramref name="given"/> is x in the network's own units, [batch, X], of which element i of the results sees
    /// those before i.
    /// </summary>
    public abstract OnnxLikelihood Write(OnnxModules graph, OnnxValue z, OnnxValue given, string path);
}
