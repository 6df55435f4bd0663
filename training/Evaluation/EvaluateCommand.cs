using System.CommandLine;
using System.Globalization;
using Mim.Models;

namespace Mim.Training;

/// <summary><c>mim evaluate</c>: measures the best model of a run and writes <c>evaluation.json</c> beside it.</summary>
static class EvaluateCommand
{
    public static Command Create()
    {
        var run = new Option<string>("--run") { Description = "folder of the training run, or of several seeds' runs (mim train --seeds)", Required = true };
        var samples = new Option<int>("--importance-samples") { Description = "S, draws of z a row", DefaultValueFactory = _ => 500 };
        var rows = new Option<int>("--rows") { Description = "most rows to evaluate; 0: the whole split", DefaultValueFactory = _ => 0 };
        var split = new Option<string>("--split") { Description = "split to evaluate", DefaultValueFactory = _ => "test" };
        split.AcceptOnlyFromAmong("test", "validation", "train");
        var json = new Option<bool>("--json") { Description = "print evaluation.json instead of a table (default: false)" };
        var command = new Command(
            "evaluate", "Measure the best model of a run: likelihood, information, divergences, neighbours, reconstruction, collapse.")
        {
            run, samples, rows, split, json,
        };
        command.SetAction((parsed, cancellationToken) =>
        {
            AtLeast(samples, 1);
            AtLeast(rows, 0);
            var request = new EvaluationRequest
            {
                Split = Enum.Parse<SplitName>(parsed.GetRequiredValue(split), ignoreCase: true),
                ImportanceSamples = parsed.GetValue(samples),
                Rows = parsed.GetValue(rows),
            };
            var (folder, asJson) = (parsed.GetRequiredValue(run), parsed.GetValue(json));
            // The token is cancelled only once this delegate has returned, and the engine's scopes belong to one thread.
            return Task.Run(() => RunFolder.Exists(folder) || SeedRuns.Find(folder) is not { Count: > 0 } seeds
                ? Evaluate(folder, request, asJson, cancellationToken)
                : EvaluateSeeds(folder, seeds, request, asJson, cancellationToken), CancellationToken.None);

            void AtLeast(Option<int> option, int least)
            {
                if (parsed.GetValue(option) is var value && value < least)
                {
                    throw new UsageException($"{option.Name}: expected at least {least}, found {value}.");
                }
            }
        });
        return command;
    }

    static int EvaluateSeeds(
        string folder, IReadOnlyList<(long Seed, string Folder)> runs, EvaluationRequest request, bool json, CancellationToken cancellationToken)
    {
        SeedRuns.RequireAlike(runs);
        var evaluation = SeedEvaluation.Of([.. runs.Select(run =>
        {
            Console.Error.WriteLine(run.Folder);
            return (run.Seed, Measure(run.Folder, request, cancellationToken).Metrics());
        })]);
        evaluation.Write(Path.Combine(folder, SeedEvaluation.FileName));
        if (json)
        {
            Console.Out.WriteLine(evaluation.ToJson());
        }
        else
        {
            evaluation.Print(Console.Out);
        }
        return ExitCode.Done;
    }

    static EvaluationReport Measure(string run, EvaluationRequest request, CancellationToken cancellationToken)
    {
        using var model = TrainedModel.Load(run);
        var progress = new Progress(TimeProvider.System, Console.Error, !Console.IsErrorRedirected);
        var report = Evaluation.Run(model, request, progress.Report, cancellationToken);
        report.Write(model.Run.Evaluation);
        return report;
    }

    static int Evaluate(string run, EvaluationRequest request, bool json, CancellationToken cancellationToken)
    {
        var report = Measure(run, request, cancellationToken);
        if (json)
        {
            Console.Out.WriteLine(report.ToJson());
        }
        else
        {
            EvaluationTable.Print(Console.Out, report);
        }
        return ExitCode.Done;
    }

    /// <summary>Of the part that takes long at the moment: a line that rewrites itself on a terminal, one every ten seconds elsewhere.</summary>
    sealed class Progress(TimeProvider time, TextWriter output, bool terminal)
    {
        readonly TimeSpan _interval = terminal ? TimeSpan.FromMilliseconds(200) : TimeSpan.FromSeconds(10);
        string _part = "";
        long _start = time.GetTimestamp();
        TimeSpan _last;

        public void Report(string part, int done, int total)
        {
            if (part != _part)
            {
                // The first part began with the process's work, a further one where the part before it was done.
                (_part, _start, _last) = (part, _part.Length == 0 ? _start : time.GetTimestamp(), TimeSpan.Zero);
            }
            var elapsed = time.GetElapsedTime(_start);
            if (done == total && terminal && _last > TimeSpan.Zero)
            {
                output.Write("\r\e[K");
            }
            if (done == total || elapsed - _last < _interval)
            {
                return;
            }
            _last = elapsed;
            var remaining = elapsed / done * (total - done);
            var line = string.Create(CultureInfo.InvariantCulture,
                $"{part}  {done} of {total} rows  {done / elapsed.TotalSeconds:F0} rows/s  {remaining.TotalSeconds:F0} s left");
            output.Write(terminal ? $"\r{line}\e[K" : line + Environment.NewLine);
        }
    }
}
