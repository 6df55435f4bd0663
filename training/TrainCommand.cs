using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Mim.Models;
using Spectre.Console;
using TorchSharp;

namespace Mim.Training;

/// <summary><c>mim train</c>.</summary>
static class TrainCommand
{
    public static Command Create()
    {
        var config = new Option<string?>("--config") { Description = "YAML file with the keys below (default: none)", HelpName = "FILE" };
        var output = new Option<string?>("--out") { Description = "folder of the run; of --seeds, of the runs FOLDER/seed-N", HelpName = "FOLDER" };
        var resume = new Option<bool>("--resume") { Description = "continue from the folder's last checkpoint, bit for bit (default: false)" };
        var changeable = RunFolder.Changeable.Select(path => path.Split('.')[^1]).ToArray();
        var force = new Option<bool>("--force")
        {
            Description = "replace a run of another configuration; with --resume, continue it with other "
                + $"{string.Join(", ", changeable[..^1])} or {changeable[^1]} (default: false)",
        };
        var seeds = new Option<string?>("--seeds") { Description = "train once for each seed, such as 1..5 or 1,4,9 (default: trainer.seed alone)" };
        var jobs = new Option<int>("--jobs", "-j") { Description = "runs of --seeds at once; they share the threads", DefaultValueFactory = _ => 1 };
        var range = new Option<bool>("--lr-range")
        {
            Description = "instead of training, print the loss at growing learning rates, suggest one and leave no run behind (default: false)",
        };
        var json = new Option<bool>("--json") { Description = "print the result as JSON on stdout, progress on stderr (default: false)" };
        var command = new Command("train", "Train a model and leave a run folder: config.json, metrics.jsonl, checkpoints/{last,best}.npz. "
            + "Flags win over the file, the file over the preset. Ctrl-C finishes the step and saves.")
        {
            config, output, resume, force, seeds, jobs, range, json,
        };
        var keys = new List<(string Path, Option<string?> Option)>();
        foreach (var key in TrainingOptions.Keys)
        {
            var option = new Option<string?>($"--{key.Path}") { Description = $"{key.Help} (default: {key.Default})", HelpName = "VALUE" };
            keys.Add((key.Path, option));
            command.Add(option);
        }
        command.SetAction((parsed, cancellationToken) =>
        {
            var flags = (from key in keys
                         let text = parsed.GetValue(key.Option)
                         where text is not null
                         select KeyValuePair.Create(key.Path, text)).ToArray();
            var (file, asJson) = (parsed.GetValue(config), parsed.GetValue(json));
            Option[] none = parsed.GetValue(range) ? [seeds, jobs, resume, force] : [];
            if (none.FirstOrDefault(Given) is { } contradicting)
            {
                throw new UsageException($"{range.Name} and {contradicting.Name}: expected one of them, found both. {range.Name} trains no run.");
            }
            if (Given(jobs) && !Given(seeds))
            {
                throw new UsageException($"{jobs.Name}: expected --seeds beside it, found none. One run is one process.");
            }
            var options = TrainingOptions.Load(file, flags);
            if (parsed.GetValue(range))
            {
                return Task.Run(() => FindRange(options, asJson, cancellationToken), CancellationToken.None);
            }
            var folder = parsed.GetValue(output) ?? throw new UsageException("--out: expected the folder of the run, found none.");
            var request = new Request(options, folder, parsed.GetValue(resume), parsed.GetValue(force), asJson);
            if (parsed.GetValue(seeds) is { } several)
            {
                return TrainSeeds(request, SeedRuns.Parse(several), parsed.GetValue(jobs), file, flags, cancellationToken);
            }
            // The command line cancels the token only once this delegate has returned; the loop is synchronous, and stays on its thread.
            return Task.Run(() => Train(request, cancellationToken), CancellationToken.None);

            bool Given(Option option) => parsed.GetResult(option) is { Implicit: false };
        });
        return command;
    }

    static int Train(Request request, CancellationToken cancellationToken)
    {
        var (options, output, resume, force, json) = request;
        var log = json ? Console.Error : Console.Out;
        var time = TimeProvider.System;
        var begin = time.GetTimestamp();
        // Before constants are fitted, as evaluate and export will fit them, and Engines() records it; the trainer, which others call too, sets it again.
        if (options.Trainer.Threads > 0)
        {
            torch.set_num_threads(options.Trainer.Threads);
        }
        var dataset = Dataset.Open(options.Dataset, options.Trainer.Seed);
        var folder = RunFolder.Prepare(output, options, Engines(), resume, force);
        using var display = Display.Create(log, options.Trainer.Epochs);
        using var trainer = new Trainer(options, dataset, folder, time) { Stepped = display.Step, Reported = display.Report };
        if (resume)
        {
            trainer.Restore(Checkpoint.Read(folder.LastCheckpoint));
        }
        display.Begin(trainer.StepsPerEpoch, trainer.Step);
        var end = trainer.Run(cancellationToken);
        display.Dispose();

        if (end == TrainingEnd.Interrupted)
        {
            log.WriteLine($"stopped after step {trainer.Step} (epoch {trainer.Epoch}), saved in {folder.LastCheckpoint}. "
                + "The same command with --resume continues.");
            return ExitCode.Failed;
        }
        var seconds = time.GetElapsedTime(begin).TotalSeconds;
        var epochs = trainer.Epoch - 1;
        var reason = end == TrainingEnd.Patience
            ? $"{epochs - trainer.BestEpoch} epochs without a better validation loss"
            : $"trainer.epochs = {options.Trainer.Epochs}";
        var best = string.Create(CultureInfo.InvariantCulture, $"best epoch {trainer.BestEpoch}, validation loss {trainer.BestLoss:F4} nats");
        log.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{folder.FullPath}: {epochs} epochs, {trainer.Step} steps in {seconds:F1} s, ended by {reason}; {best}"));
        if (json)
        {
            Console.Out.WriteLine(new JsonObject
            {
                ["run"] = folder.FullPath,
                ["epochs"] = epochs,
                ["steps"] = trainer.Step,
                ["ended_by"] = end == TrainingEnd.Patience ? "patience" : "epochs",
                ["best_epoch"] = trainer.BestEpoch,
                ["best_validation_loss"] = trainer.BestLoss,
                ["seconds"] = Math.Round(seconds, 3),
            }.ToJsonString());
        }
        return ExitCode.Done;
    }

    static async Task<int> TrainSeeds(
        Request request, IReadOnlyList<long> seeds, int jobs, string? config, KeyValuePair<string, string>[] flags, CancellationToken cancellationToken)
    {
        if (jobs < 1)
        {
            throw new UsageException($"--jobs: expected at least 1, found {jobs}.");
        }
        if (flags.Any(flag => flag.Key == "trainer.seed"))
        {
            throw new UsageException("--trainer.seed: expected none beside --seeds. Give the one or the other.");
        }
        // One at a time, a run has the threads that it would have alone.
        var threads = request.Options.Trainer.Threads;
        threads = jobs == 1 ? threads : Math.Max(1, (threads > 0 ? threads : Environment.ProcessorCount) / jobs);
        var shared = request.Force && flags.Any(flag => flag.Key == "trainer.threads");
        IEnumerable<string> Arguments(long seed)
        {
            var folder = SeedRuns.Folder(request.Output, seed);
            // The threads decide the bits of a run that goes on; how many are left to it by the others does not.
            var own = request.Resume && !shared && RunFolder.Exists(folder) ? RunFolder.Open(folder).Options.Trainer.Threads : threads;
            string[] switches =
            [
                .. request.Resume && RunFolder.HasCheckpoint(folder) ? (string[])["--resume"] : [], .. request.Force ? (string[])["--force"] : [],
                .. request.Json ? (string[])["--json"] : [], .. config is null ? [] : (string[])[$"--config={config}"],
            ];
            return
            [
                "train", $"--out={folder}", .. switches,
                .. flags.Where(flag => flag.Key != "trainer.threads").Select(flag => $"--{flag.Key}={flag.Value}"),
                string.Create(CultureInfo.InvariantCulture, $"--trainer.seed={seed}"), $"--trainer.threads={own}",
            ];
        }
        var log = request.Json ? Console.Error : Console.Out;
        int code;
        try
        {
            code = await SeedRuns.RunAsync(
                seeds, jobs, Arguments, (seed, line) => Console.Out.WriteLine(request.Json ? line : $"seed {seed}  {line}"),
                (seed, line) => Console.Error.WriteLine($"seed {seed}  {line}"), cancellationToken);
        }
        catch (OperationCanceledException)
        {
            // --resume, because a folder with an unfinished run is refused without it; seeds that had not begun then begin.
            log.WriteLine($"stopped; what was trained is in {request.Output}. The same command with --resume continues.");
            return ExitCode.Failed;
        }
        if (code == ExitCode.Done)
        {
            log.WriteLine($"{request.Output}: {seeds.Count} seeds. './mim evaluate --run {request.Output}' measures them all.");
        }
        return code;
    }

    static int FindRange(TrainingOptions options, bool json, CancellationToken cancellationToken)
    {
        var dataset = Dataset.Open(options.Dataset, options.Trainer.Seed);
        // Only described: nothing is written before a run begins.
        var nowhere = RunFolder.Prepare(Path.Combine(Path.GetTempPath(), Path.GetRandomFileName()), options, [], resume: false, force: false);
        using var trainer = new Trainer(options, dataset, nowhere, TimeProvider.System);
        var found = LearningRateRange.Run(trainer.StepAt, cancellationToken);
        if (json)
        {
            Console.Out.WriteLine(found.ToJson().ToJsonString());
        }
        else
        {
            found.Print(Console.Out);
        }
        return ExitCode.Done;
    }

    static JsonObject Engines() => new(EngineVersions.Current().Select(engine => KeyValuePair.Create(engine.Key, (JsonNode?)engine.Value)));

    sealed record Request(TrainingOptions Options, string Output, bool Resume, bool Force, bool Json);

    /// <summary>One line per epoch; on a terminal a live bar below them, with rate and remaining time.</summary>
    sealed class Display : IDisposable
    {
        readonly TextWriter _log;
        readonly int _epochs;
        readonly IAnsiConsole? _terminal;
        readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        ProgressTask? _bar;
        Task? _live;

        Display(TextWriter log, int epochs, IAnsiConsole? terminal) => (_log, _epochs, _terminal) = (log, epochs, terminal);

        public static Display Create(TextWriter log, int epochs)
        {
            var redirected = log == Console.Error ? Console.IsErrorRedirected : Console.IsOutputRedirected;
            var terminal = redirected ? null : AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(log) });
            return new Display(log, epochs, terminal);
        }

        public void Begin(int stepsPerEpoch, long step)
        {
            if (_terminal is null)
            {
                return;
            }
            var progress = _terminal.Progress().AutoClear(true).Columns(
                new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn(), new RemainingTimeColumn());
            using var started = new ManualResetEventSlim();
            _live = progress.StartAsync(context =>
            {
                _bar = context.AddTask("training", maxValue: (double)stepsPerEpoch * _epochs);
                _bar.Value = step;
                started.Set();
                return _done.Task;
            });
            started.Wait();
        }

        public void Step(long step)
        {
            if (_bar is not null)
            {
                _bar.Value = step;
            }
        }

        public void Report(EpochReport report)
        {
            if (_terminal is null)
            {
                _log.WriteLine(report);
            }
            else
            {
                _terminal.WriteLine(report.ToString());
            }
        }

        public void Dispose()
        {
            _done.TrySetResult();
            _live?.GetAwaiter().GetResult();
            _live = null;
        }
    }
}
