using static TorchSharp.torch;

namespace Mim.Training;

public enum OptimiserName
{
    /// <summary>Kingma and Ba (2015).</summary>
    Adam,

    /// <summary>Loshchilov and Hutter (2019): Adam with weight decay apart from the gradient.</summary>
    Adamw,

    /// <summary>Adam on gradients of unit norm, tensor by tensor: g ← g/(‖g‖₂ + 1e-7). The reference's for images.</summary>
    AdamNormGrad,
}

/// <summary>
/// Adam and its two variants, β = (0.9, 0.999), ε = 1e-8. All operations on one tensor follow each other, so that its weights and moments stay in
/// the cache; element by element they are PyTorch's, in its order, and give Adam's and AdamW's bits. AdamNormGrad has ε outside of the bias
/// correction, as its authors' code.
/// </summary>
public sealed class Optimiser : IDisposable
{
    const double Beta1 = 0.9;
    const double Beta2 = 0.999;
    const double Epsilon = 1e-8;

    /// <summary>AdamNormGrad's, on the norm.</summary>
    const double NormEpsilon = 1e-7;

    readonly OptimiserName _name;
    readonly double _weightDecay;
    readonly IReadOnlyList<Tensor> _weights;
    readonly Tensor[] _means;
    readonly Tensor[] _squares;

    /// <param name="weights">Updated in place; the caller's.</param>
    /// <param name="weightDecay">Of AdamW alone, times the rate of each step.</param>
    public Optimiser(OptimiserName name, IReadOnlyList<Tensor> weights, double weightDecay = 0)
    {
        (_name, _weights, _weightDecay) = (name, weights, name == OptimiserName.Adamw ? weightDecay : 0);
        using var _ = no_grad();
        _means = [.. weights.Select(Zeros)];
        _squares = [.. weights.Select(Zeros)];

        static Tensor Zeros(Tensor weight) => zeros_like(weight).DetachFromDisposeScope();
    }

    /// <summary>Updates so far: what the bias correction depends on.</summary>
    public long Steps { get; set; }

    /// <summary>Running means of the gradients, in the order of the weights.</summary>
    public IReadOnlyList<Tensor> Means => _means;

    /// <summary>Running means of their squares.</summary>
    public IReadOnlyList<Tensor> Squares => _squares;

    /// <summary>One update. A weight without a gradient stays as it is; AdamNormGrad normalises the gradients in place.</summary>
    public void Step(IReadOnlyList<Tensor?> gradients, double learningRate)
    {
        Steps++;
        var correction1 = 1 - Math.Pow(Beta1, Steps);
        var correction2 = Math.Sqrt(1 - Math.Pow(Beta2, Steps));
        using var _ = no_grad();
        for (var i = 0; i < _weights.Count; i++)
        {
            if (gradients[i] is not { } gradient)
            {
                continue;
            }
            using var scope = NewDisposeScope();
            if (_name == OptimiserName.AdamNormGrad)
            {
                gradient.div_(gradient.norm().add_(NormEpsilon));
            }
            if (_weightDecay > 0)
            {
                _weights[i].mul_(1 - learningRate * _weightDecay);
            }
            _means[i].mul_(Beta1).add_(gradient, 1 - Beta1);
            _squares[i].mul_(Beta2).addcmul_(gradient, gradient, 1 - Beta2);
            var denominator = _squares[i].sqrt();
            if (_name == OptimiserName.AdamNormGrad)
            {
                _weights[i].addcdiv_(_means[i], denominator.add_(Epsilon), -learningRate * correction2 / correction1);
            }
            else
            {
                _weights[i].addcdiv_(_means[i], denominator.div_(correction2).add_(Epsilon), -learningRate / correction1);
            }
        }
    }

    public void Dispose()
    {
        foreach (var moment in _means.Concat(_squares))
        {
            moment.Dispose();
        }
    }
}
