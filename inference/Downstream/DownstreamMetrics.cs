namespace Mim.Downstream;

/// <summary>Measured on rows that the models have not seen. Null where undefined: nmi and the classifier's without labels.</summary>
public sealed record DownstreamMetrics
{
    /// <summary>I(label; cluster) / H(label), in [0, 1].</summary>
    public required double? Nmi { get; init; }

    /// <summary>Mean squared Euclidean distance to the nearest centroid, in squared units of the space.</summary>
    public required double AverageDistance { get; init; }

    /// <summary>Mean over clusters of the worst ratio of scatter to separation.</summary>
    public required double DaviesBouldin { get; init; }

    public required double? MicroAccuracy { get; init; }

    public required double? MacroAccuracy { get; init; }

    /// <summary>Mean −ln p(label), in nats.</summary>
    public required double? LogLoss { get; init; }

    /// <summary>1 − LogLoss / H(label).</summary>
    public required double? LogLossReduction { get; init; }
}
