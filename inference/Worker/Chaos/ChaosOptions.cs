using System.ComponentModel.DataAnnotations;

namespace Mim.Inference;

/// <summary>How much chaos.</summary>
public sealed class ChaosOptions
{
    public int Seed { get; init; } = 1;

    /// <summary>Good records; the poison comes on top.</summary>
    [Range(64, 10_000_000)]
    public int Records { get; init; } = 20_000;

    [Range(1, 64)]
    public int Workers { get; init; } = 3;

    /// <summary>See <see cref="WorkLimits.Batch"/>.</summary>
    [Range(1, 4096)]
    public int Batch { get; init; } = 64;

    /// <summary>kill −9s of a worker besides the one that the database's crash brings.</summary>
    [Range(0, 1000)]
    public int Kills { get; init; } = 5;

    /// <summary>False: records and poison alone, to measure what the workers do undisturbed.</summary>
    public bool Faults { get; init; } = true;

    [Range(1, 600)]
    public int DatabaseDownSeconds { get; init; } = 5;

    /// <summary>The broker's, which the slow sink outlasts. RabbitMQ's own default is 30 minutes.</summary>
    [Range(2, 600)]
    public int ConsumerTimeoutSeconds { get; init; } = 8;
}
