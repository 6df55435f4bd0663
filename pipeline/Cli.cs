using System.CommandLine;
using System.Diagnostics.CodeAnalysis;
using Mim.Models;

namespace Mim.CommandLine;

/// <summary>
/// How every executable here meets its shell: 0 done, 1 failed, 2 bad usage, configuration or input, 3 a gate failed; one message a fault on stderr.
/// This source file is linked into each of them, because no project is shared between training and inference but the contract.
/// </summary>
static class Cli
{
    [SuppressMessage("Design", "CA1031", Justification = "The process boundary: every failure becomes an exit code and one line.")]
    public static async Task<int> RunAsync(RootCommand root, string[] args)
    {
        var parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            foreach (var error in parsed.Errors)
            {
                Error(error.Message);
            }
            Console.Error.WriteLine($"See './mim {parsed.CommandResult.Command.Name} --help'.");
            return ExitCode.Usage;
        }
        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
        }
        catch (Exception e) when (e is UsageException or InvalidDataException or FileNotFoundException or DirectoryNotFoundException)
        {
            Error(e.Message);
            return ExitCode.Usage;
        }
        catch (OperationCanceledException)
        {
            Error("interrupted. Run the same command again to continue.");
            return ExitCode.Failed;
        }
        catch (Exception e)
        {
            Error(Environment.GetEnvironmentVariable("MIM_TRACE") is null ? $"{e.Message} (MIM_TRACE=1 shows where)" : e.ToString());
            return ExitCode.Failed;
        }
    }

    public static void Error(string message) => Console.Error.WriteLine($"error: {message}");
}
