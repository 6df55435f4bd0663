using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>
/// Exponential moving average of the weights: ē ← d·ē + (1 − d)·w after every step, d = min(decay, (1 + t)/(10 + t)) at step t,
/// so that the first weights are soon forgotten.
/// </summary>
public sealed class MovingAverage : IDisposable
{
    readonly double _decay;
    readonly IReadOnlyList<Tensor> _weights;
    readonly Tensor[] _averages;

    /// <param name="weights">What is averaged; the caller's.</param>
    public MovingAverage(double decay, IReadOnlyList<Tensor> weights)
    {
        (_decay, _weights) = (decay, weights);
        using var _ = no_grad();
        _averages = [.. weights.Select(weight => weight.detach().clone().DetachFromDisposeScope())];
    }

    /// <summary>In the order of the weights.</summary>
    public IReadOnlyList<Tensor> Averages => _averages;

    /// <summary>Takes the weights after step <paramref name="step"/>, from 1.</summary>
    public void Update(long step)
    {
        var decay = Math.Min(_decay, (1.0 + step) / (10 + step));
        using var _ = no_grad();
        for (var i = 0; i < _averages.Length; i++)
        {
            _averages[i].mul_(decay).add_(_weights[i], 1 - decay);
        }
    }

    /// <summary>Exchanges weights and averages; again for the way back.</summary>
    public void Exchange()
    {
        using var _ = no_grad();
        for (var i = 0; i < _averages.Length; i++)
        {
            using var weight = _weights[i].detach().clone();
            _weights[i].copy_(_averages[i]);
            _averages[i].copy_(weight);
        }
    }

    public void Dispose()
    {
        foreach (var average in _averages)
        {
            average.Dispose();
        }
    }
}
