using System.Diagnostics;

namespace Mim.Inference;

/// <summary>The worker's spans. Without a listener none is made.</summary>
static class Tracing
{
    public const string SourceName = "Mim.Inference";

    public static ActivitySource Source { get; } = new(SourceName);
}
