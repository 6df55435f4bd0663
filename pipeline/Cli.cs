using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;
using Mim.Models;

namespace Mim.CommandLine;

/// <summary>
/// How every executable here meets its shell: 0 done, 1 failed, 2 bad usage, configuration or input, 3 a gate failed; one message a fault on stderr.
/// This source file is linked into each of them, because no project is shared between training and inference but the contract.
/// </summary>
static partial class Cli
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
            var command = parsed.CommandResult.Command;
            string[] known = [.. command.Options.Select(option => option.Name), .. command.Subcommands.Select(verb => verb.Name)];
            foreach (var error in parsed.Errors)
            {
                Error(InUsersWords(error, known));
            }
            Console.Error.WriteLine($"See './mim {Path(parsed.CommandResult)}--help'.");
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

    /// <summary>The verbs from the root, which is the launcher itself, each with a space behind it.</summary>
    static string Path(CommandResult result) => result.Parent is CommandResult parent ? $"{Path(parent)}{result.Command.Name} " : "";

    /// <summary>The parser's message, without the types of .NET that it names and with the flag that was probably meant.</summary>
    static string InUsersWords(ParseError error, string[] known)
    {
        var quoted = Quoted().Matches(error.Message).Select(match => match.Groups[1].Value).ToArray();
        if (error.SymbolResult is OptionResult { Option: var option, Tokens: [{ Value: var found }] })
        {
            var type = Nullable.GetUnderlyingType(option.ValueType) ?? option.ValueType;
            var choice = type.IsEnum ? Array.ConvertAll(Enum.GetNames(type), name => name.ToLowerInvariant())
                : error.Message.Contains("Must be one of", StringComparison.Ordinal) ? quoted[1..]
                : [];
            var expected = choice.Length > 0 ? $"one of {string.Join(", ", choice)}"
                : !error.Message.Contains(type.FullName ?? type.Name, StringComparison.Ordinal) ? null
                : type == typeof(double) ? "a number"
                : "an integer";
            if (expected is not null)
            {
                var meant = Nearest.To(found, choice);
                return $"{option.Name}: expected {expected}, found '{found}'.{(meant is null ? "" : $" Did you mean '{meant}'?")}";
            }
        }
        if (error.SymbolResult is CommandResult { Command.Subcommands: { Count: > 0 } verbs } result && quoted.Length == 0)
        {
            return $"{Path(result)}needs a verb: {string.Join(", ", verbs.Select(verb => verb.Name))}.";
        }
        var unknown = quoted.FirstOrDefault(word => !known.Contains(word));
        var alike = unknown is null ? null : Nearest.To(unknown, known.Where(word => word[0] == '-' == unknown.StartsWith('-')));
        return error.Message + (alike is null ? "" : $" Did you mean '{alike}'?");
    }

    public static void Error(string message) => Console.Error.WriteLine($"error: {message}");

    [GeneratedRegex("'([^']*)'")]
    private static partial Regex Quoted();
}
