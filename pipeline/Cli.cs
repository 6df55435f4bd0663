using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using System.Diagnostics.CodeAnalysis;
using Mim.Models;

namespace Mim.CommandLine;

/// <summary>
/// How every executable here meets its shell: 0 done, 1 failed, 2 bad usage, configuration or input, 3 a gate failed; one message a fault on stderr.
/// This source file is linked into each of them, because no project is shared between training and inference but the contract.
/// </summary>
static class Cli
{
    /// <summary>What a stage or a server gets to leave a consistent state after Ctrl-C, before the process ends regardless.</summary>
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    /// <param name="root">Named "mim", so that the help shows what users type: a RootCommand would show the assembly's name.</param>
    /// <param name="patience">Instead of 30 seconds, for a server that bounds its own draining.</param>
    [SuppressMessage("Design", "CA1031", Justification = "The process boundary: every failure becomes an exit code and one line.")]
    public static async Task<int> RunAsync(Command root, string[] args, TimeSpan? patience = null)
    {
        if (root is not RootCommand)
        {
            root.Options.Add(new HelpOption());
        }
        var parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            var known = parsed.CommandResult.Command.Options.Select(o => o.Name).ToArray();
            foreach (var error in parsed.Errors)
            {
                var unknown = parsed.UnmatchedTokens.FirstOrDefault(t => t.StartsWith('-') && error.Message.Contains($"'{t}'", StringComparison.Ordinal));
                Error(error.Message + (unknown is not null && Nearest.To(unknown, known) is { } near ? $" Did you mean '{near}'?" : ""));
            }
            Console.Error.WriteLine($"See './mim {Path(parsed.CommandResult)} --help'.");
            return ExitCode.Usage;
        }
        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = patience ?? s_patience });
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

    static string Path(CommandResult result) => result.Parent is CommandResult { Parent: not null } parent ? $"{Path(parent)} {result.Command.Name}" : result.Command.Name;

    public static void Error(string message) => Console.Error.WriteLine($"error: {message}");
}
