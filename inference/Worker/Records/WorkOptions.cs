using System.ComponentModel.DataAnnotations;

namespace Mim.Inference;

/// <summary>Everything the stream worker can be told.</summary>
public sealed class WorkOptions
{
    /// <summary>Most records that are embedded, written and acknowledged together.</summary>
    [Range(1, 4096)]
    public int Batch { get; init; } = 256;

    /// <summary>Records that may have been read and not yet acknowledged.</summary>
    [Range(3, 1 << 20)]
    public int InFlight { get; init; } = 1024;
}
