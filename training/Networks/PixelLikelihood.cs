using Mim.Models;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>
/// The likelihood of grey values in [0, 1]: heads from a decoder's last features to its parameters. Bernoulli has logits. A Gaussian's mean is
/// clamped to [1/512, 1 − 1/512] and its log-variance to [−4.5, 0], a logistic's location and log-scale likewise, as in the reference.
/// </summary>
public sealed class PixelLikelihood : nn.Module
{
    const double HalfLevel = 1.0 / 512;
    const double MinLog = -4.5;
    const double MaxLog = 0;

    public readonly Sequential? logits;
    public readonly Sequential? mean;
    public readonly Sequential? log_var;
    public readonly Sequential? log_scale;

    /// <param name="likelihood">Bernoulli, Gaussian or logistic.</param>
    /// <param name="layers">New layers from the features to (B, X), for each head.</param>
    public PixelLikelihood(Likelihood likelihood, Func<nn.Module<Tensor, Tensor>[]> layers)
        : base(nameof(PixelLikelihood))
    {
        if (likelihood == Likelihood.Bernoulli)
        {
            logits = nn.Sequential(layers());
        }
        else
        {
            mean = nn.Sequential([.. layers(), nn.Sigmoid(), nn.Hardtanh(HalfLevel, 1 - HalfLevel)]);
            var spread = nn.Sequential([.. layers(), nn.Hardtanh(MinLog, MaxLog)]);
            (log_var, log_scale) = likelihood == Likelihood.Logistic ? ((Sequential?)null, spread) : (spread, null);
        }
        RegisterComponents();
    }

    public Distribution Distribution(Tensor h) => (mean, log_var, log_scale) switch
    {
        ({ } m, { } v, _) => new Gaussian(m.call(h), v.call(h) * 0.5),
        ({ } m, _, { } s) => new DiscretisedLogistic(m.call(h), s.call(h)),
        _ => new Bernoulli((logits ?? throw NoHead()).call(h)),
    };

    public OnnxLikelihood Write(OnnxModules graph, OnnxGraph nodes, OnnxValue h, string path)
    {
        if (mean is not null && log_var is not null)
        {
            return new OnnxLikelihood(nodes.Apply(mean, h).Name, [new(TensorNames.XLogVar, nodes.Apply(log_var, h).Name)]);
        }
        if (mean is not null && log_scale is not null)
        {
            var (location, logScale) = (nodes.Apply(mean, h).Name, nodes.Apply(log_scale, h).Name);
            return new OnnxLikelihood(
                graph.LogisticMean(location, logScale, path), [new(TensorNames.XLocation, location), new(TensorNames.XLogScale, logScale)]);
        }
        var l = nodes.Apply(logits ?? throw NoHead(), h).Name;
        return new OnnxLikelihood(graph.Probability(l, path), [new(TensorNames.XLogits, l)]);
    }

    static InvalidOperationException NoHead() => new("A likelihood of pixels has a head of logits, or of mean and log-variance or log-scale.");
}
