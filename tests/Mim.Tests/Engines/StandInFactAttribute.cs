using System.Reflection;
using TorchSharp;

namespace Mim.Tests.Engines;

/// <summary>A fact about our stand-in for TorchSharp, or the random numbers of its libtorch, that the real package need not share; skipped on the latter.</summary>
sealed class StandInFactAttribute : FactAttribute
{
    public StandInFactAttribute() => Skip = Reason;

    /// <summary>Why such a test cannot run here; null where it can.</summary>
    public static string? Reason
    {
        get
        {
            var version = typeof(torch).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "of unknown version";
            return version.EndsWith("stand-in", StringComparison.Ordinal) ? null : $"about the stand-in; this build runs on TorchSharp {version}";
        }
    }
}

/// <summary>The same for a theory.</summary>
sealed class StandInTheoryAttribute : TheoryAttribute
{
    public StandInTheoryAttribute() => Skip = StandInFactAttribute.Reason;
}
