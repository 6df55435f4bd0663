using System.ComponentModel;
using System.Diagnostics;

namespace Mim.Pipeline;

/// <summary>A short external command whose output is wanted whole. Stages run through <see cref="StageProcess"/> instead.</summary>
public sealed record Subprocess(int ExitCode, string Output, string Error)
{
    /// <returns>Null when there is no such program.</returns>
    public static Subprocess? Run(string program, IEnumerable<string> arguments, string? folder = null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            WorkingDirectory = folder ?? "",
        };
        try
        {
            using var process = Process.Start(start) ?? throw new UnreachableException();
            process.StandardInput.Close();
            var error = process.StandardError.ReadToEndAsync();
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return new Subprocess(process.ExitCode, output, error.GetAwaiter().GetResult());
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}
