using Mim.Downstream;

namespace Mim.Tests.Downstream;

/// <summary>A fact about our stand-in for Microsoft.ML that the real package does not share; skipped on the latter.</summary>
sealed class StandInFactAttribute : FactAttribute
{
    public StandInFactAttribute()
    {
        if (!DownstreamManifest.CurrentEngine().EndsWith("stand-in", StringComparison.Ordinal))
        {
            Skip = $"about the stand-in; this build runs on {DownstreamManifest.CurrentEngine()}";
        }
    }
}
