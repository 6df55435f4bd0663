using Mim.Models;

namespace Mim.Inference;

/// <summary>
/// Decodes p(x|z) = Π p(xᵢ|x₍ⱼ₎ with j &lt; i, z) of binary x with the conditional network, each element's value given to those after it. With a generator
/// that value is a draw, 1 with the element's probability, and the result a draw from p(x|z), in raw units. Without one it is the likelier value, and
/// the result x_mean along that path: each element's mean given those values. That is not E[x|z], which has no closed form; the mean of many draws
/// estimates it.
/// </summary>
/// <remarks>
/// The uniform numbers are drawn first, row by row, so that batching does not change them. A probability that two batch sizes round to different
/// sides of its number, of which the chance is about 1e-6 an element, still changes the draw.
/// With its numbers fixed x is the one solution of xᵢ = fᵢ(x₍ⱼ₎ with j &lt; i). Each run computes all elements anew from the latest values, which after
/// k runs are the solution's in the first k elements at least, and ends when nothing changes (Song et al. 2021, Jacobi iteration): the result of one
/// run for each element, bit for bit, after fewer runs.
/// </remarks>
public sealed class AutoregressiveLoop
{
    readonly OnnxModel _model;
    readonly Random? _generator;
    readonly int _xDim;
    readonly int _logits;
    readonly float[] _zero;
    readonly float[] _one;
    readonly double[] _uniforms;

    /// <param name="model">An autoregressive decoder. Its buffers are read and written in place, one run at a time.</param>
    /// <param name="manifest">The same package's.</param>
    /// <param name="generator">The source of the draws; null: the likelier values.</param>
    public AutoregressiveLoop(OnnxModel model, ModelManifest manifest, Random? generator)
    {
        (_model, _generator, _xDim) = (model, generator, manifest.XDim);
        _logits = model.Outputs.ToList().IndexOf(TensorNames.XLogits);
        _zero = PreprocessingStep.Raw(manifest.Preprocessing, _xDim, 0);
        _one = PreprocessingStep.Raw(manifest.Preprocessing, _xDim, 1);
        _uniforms = new double[generator is null ? 0 : model.Buffers.MaxRows * _xDim];
    }

    /// <summary>Decodes the first <paramref name="rows"/> codes in the model's buffers; output 0 is the result.</summary>
    public void Run(int rows, CancellationToken cancellationToken)
    {
        for (var i = 0; _generator is not null && i < rows * _xDim; i++)
        {
            _uniforms[i] = _generator.NextDouble();
        }
        var given = _model.Given(rows);
        given.Span.Clear();
        var logits = _model.Buffers.Output(_logits, rows);
        var changed = true;
        for (var run = 0; run < _xDim && changed; run++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            _model.Run(rows);
            changed = Update(logits.Span, given.Span);
        }
        if (_generator is not null)
        {
            ToRaw(given.Span, _model.Buffers.Output(0, rows).Span);
        }
    }

    bool Update(ReadOnlySpan<float> logits, Span<float> given)
    {
        var changed = false;
        for (var i = 0; i < given.Length; i++)
        {
            var probability = 1 / (1 + Math.Exp(-(double)logits[i]));
            var value = probability > (_generator is null ? 0.5 : _uniforms[i]) ? 1f : 0f;
            changed |= value != given[i];
            given[i] = value;
        }
        return changed;
    }

    void ToRaw(ReadOnlySpan<float> bits, Span<float> raw)
    {
        for (var i = 0; i < bits.Length; i++)
        {
            raw[i] = (bits[i] > 0 ? _one : _zero)[i % _xDim];
        }
    }
}
