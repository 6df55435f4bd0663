using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.RegularExpressions;
using Mim.Models;

namespace Mim.Pipeline.Tests;

/// <summary>
/// tests/BadInputs.tsv: each row is a command that must end in exit 2 with one message that names the file at fault, and must leave the disk
/// as it was.
/// The rows take turns: one finds nothing where its output goes, the next something older that must survive.
/// </summary>
public sealed partial class BadInputsTests : IDisposable
{
    const int Least = 45;
    const string None = "-";

    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);
    static readonly string[] s_outputs = ["--out", "--report", "--record"];

    readonly string _root = Directory.CreateTempSubdirectory("mim-bad-").FullName;

    /// <param name="Line">In the table.</param>
    /// <param name="Command">What follows <c>./mim</c>.</param>
    /// <param name="Files">What lies in the working folder; the message names the first, unless that is "-".</param>
    /// <param name="Message">All of standard error after "error: "; … stands for what differs from machine to machine.</param>
    sealed record Row(int Line, string Command, IReadOnlyList<string> Files, string Message)
    {
        public IReadOnlyList<string> Arguments => [.. Word().Matches(Command).Select(word => word.Value.Trim('\''))];
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public async Task Every_bad_input_ends_in_exit_2_with_one_message_and_leaves_the_disk_as_it_was()
    {
        var rows = Rows();
        var fixtures = new BadInputFixtures(Path.Combine(_root, "fixtures"));
        var faults = new ConcurrentBag<(int Line, string Text)>();
        await Parallel.ForEachAsync(
            rows, new ParallelOptions { MaxDegreeOfParallelism = Math.Clamp(Environment.ProcessorCount, 2, 4) }, async (row, cancellationToken) =>
            {
                foreach (var fault in await TryAsync(row, fixtures, cancellationToken))
                {
                    faults.Add((row.Line, $"BadInputs.tsv:{row.Line}: ./mim {row.Command}\n  {fault}"));
                }
            });
        Assert.True(faults.IsEmpty, string.Join("\n\n", faults.OrderBy(fault => fault.Line).Select(fault => fault.Text)));
    }

    [Fact]
    public void The_table_has_rows_for_every_executable_and_verb_and_uses_every_file()
    {
        var rows = Rows();
        Assert.True(rows.Count >= Least, $"Expected {Least} rows, found {rows.Count}.");
        Assert.Equal(Assemblies().Keys.Order(), rows.Select(row => row.Arguments[0]).Distinct().Order());
        var committed = Directory.EnumerateFileSystemEntries(BadInputFixtures.Committed).Select(Path.GetFileName);
        Assert.Empty(committed.Except(rows.SelectMany(row => row.Files)));
        Assert.Empty(rows.GroupBy(row => row.Command).Where(same => same.Count() > 1).Select(same => same.Key));
    }

    static async Task<IReadOnlyList<string>> TryAsync(Row row, BadInputFixtures fixtures, CancellationToken cancellationToken)
    {
        var place = Directory.CreateTempSubdirectory("mim-bad-row-").FullName;
        try
        {
            var work = Directory.CreateDirectory(Path.Combine(place, "work")).FullName;
            Directory.CreateDirectory(Path.Combine(place, "tmp"));
            foreach (var file in row.Files.Where(file => file != None))
            {
                fixtures.Put(file, work);
            }
            if (row.Line % 2 == 0)
            {
                Occupy(row, work);
            }
            var before = Contents(place);
            var (exitCode, output, error) = await RunAsync(row, place, cancellationToken);
            return [.. Judge(row, exitCode, output, error), .. Differences(before, Contents(place))];
        }
        finally
        {
            Directory.Delete(place, recursive: true);
        }
    }

    static IEnumerable<string> Judge(Row row, int exitCode, string output, string error)
    {
        if (exitCode != ExitCode.Usage)
        {
            yield return $"exit code: expected 2, found {exitCode}";
        }
        var pattern = string.Join(".*", $"error: {row.Message}\n".Split('…').Select(Regex.Escape));
        if (!Regex.IsMatch(error, $"\\A{pattern}\\z"))
        {
            yield return $"stderr: expected  error: {OneLine(row.Message)}\n          found     {OneLine(error.TrimEnd())}";
        }
        if (output.Length > 0)
        {
            yield return $"stdout: expected nothing, found {output}";
        }
        if (StackTrace().IsMatch(error))
        {
            yield return $"stderr: shows the inside of the program: {error}";
        }
        if (row.Files[0] != None && !error.Contains(row.Files[0], StringComparison.Ordinal))
        {
            yield return $"stderr: does not name {row.Files[0]}: {error}";
        }
    }

    static string OneLine(string text) => text.Replace("\n", "\\n", StringComparison.Ordinal);

    /// <summary>Puts something under every name that the command would write and that the row has not put there itself.</summary>
    static void Occupy(Row row, string work)
    {
        foreach (var (flag, name) in row.Arguments.Zip(row.Arguments.Skip(1)))
        {
            var path = Path.Combine(work, name);
            // What lies below a file cannot be there before.
            if (!s_outputs.Contains(flag) || name == None || Path.Exists(path) || File.Exists(Path.Combine(work, name.Split('/')[0])))
            {
                continue;
            }
            var isFolder = Path.GetExtension(name).Length == 0;
            foreach (var file in isFolder ? new[] { Path.Combine(path, "older.txt") } : [path, $"{path}.json"])
            {
                Directory.CreateDirectory(Path.GetDirectoryName(file) ?? work);
                File.WriteAllText(file, "older");
            }
        }
    }

    static async Task<(int ExitCode, string Output, string Error)> RunAsync(Row row, string place, CancellationToken cancellationToken)
    {
        var assembly = Path.Combine(AppContext.BaseDirectory, $"{Assemblies()[row.Arguments[0]]}.dll");
        var start = new ProcessStartInfo("dotnet", [assembly, .. row.Arguments])
        {
            WorkingDirectory = Path.Combine(place, "work"),
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["MIM_ROOT"] = start.WorkingDirectory;
        start.Environment["TMPDIR"] = Path.Combine(place, "tmp");
        start.Environment["DOTNET_EnableDiagnostics"] = "0"; // its sockets would lie in TMPDIR
        start.Environment["DOTNET_TieredPGO"] = "0";
        start.Environment["DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"] = "1";
        start.Environment.Remove("MIM_ENGINES");
        start.Environment.Remove("ORT_DISABLE_TELEMETRY"); // the launcher sets it, and the worker must not need that
        start.Environment.Remove("MIM_STAGE_KEY");
        start.Environment.Remove("MIM_TRACE");
        using var process = Process.Start(start) ?? throw new InvalidOperationException("dotnet does not start.");
        process.StandardInput.Close();
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(s_patience);
        try
        {
            var error = process.StandardError.ReadToEndAsync(patience.Token);
            var output = await process.StandardOutput.ReadToEndAsync(patience.Token);
            await process.WaitForExitAsync(patience.Token);
            return (process.ExitCode, output, await error);
        }
        finally
        {
            process.Kill(entireProcessTree: true);
        }
    }

    /// <summary>Every file with the hash of its bytes, and every folder; not the pipeline's own cache and locks in .mim, which git ignores.</summary>
    static SortedDictionary<string, string> Contents(string place) => new(
        Directory.EnumerateFileSystemEntries(place, "*", SearchOption.AllDirectories)
            .Where(path => !path.StartsWith(Path.Combine(place, "work", ".mim"), StringComparison.Ordinal))
            .ToDictionary(path => Path.GetRelativePath(place, path), path => Directory.Exists(path) ? "a folder" : Hashes.Sha256(path)), StringComparer.Ordinal);

    static IEnumerable<string> Differences(SortedDictionary<string, string> before, SortedDictionary<string, string> after) =>
        before.Keys.Union(after.Keys).Where(path => before.GetValueOrDefault(path) != after.GetValueOrDefault(path))
            .Select(path => $"disk: {path} {(before.ContainsKey(path) ? after.ContainsKey(path) ? "was changed" : "is gone" : "is new")}");

    /// <summary>Which executable the launcher starts for a verb: its own lines say so.</summary>
    static Dictionary<string, string> Assemblies() => LauncherCase().Matches(File.ReadAllText(Path.Combine(BadInputFixtures.Checkout, "mim")))
        .SelectMany(line => line.Groups["verbs"].Value.Split(" | ").Select(verb => (verb, assembly: line.Groups["assembly"].Value)))
        .ToDictionary(pair => pair.verb, pair => pair.assembly);

    static List<Row> Rows()
    {
        List<Row> rows = [];
        foreach (var (index, line) in File.ReadLines(Path.Combine(BadInputFixtures.Checkout, "tests", "BadInputs.tsv")).Index().Skip(1))
        {
            if (line.Length > 0 && line[0] != '#')
            {
                Assert.True(line.Split('\t') is { Length: 3 }, $"BadInputs.tsv:{index + 1}: expected command, files and message with tabs between, found {line}");
                var cells = line.Split('\t');
                rows.Add(new Row(index + 1, cells[0], cells[1].Split(' '), cells[2].Replace("\\n", "\n", StringComparison.Ordinal)));
            }
        }
        return rows;
    }

    [GeneratedRegex(@"'[^']*'|\S+")]
    private static partial Regex Word();

    [GeneratedRegex(@"^ +(?<verbs>[a-z| ]+)\) assembly=(?<assembly>[A-Za-z.]+)", RegexOptions.Multiline)]
    private static partial Regex LauncherCase();

    [GeneratedRegex(@"^   at |Exception|MIM_TRACE|System\.", RegexOptions.Multiline)]
    private static partial Regex StackTrace();
}
