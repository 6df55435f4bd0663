using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Mim.Models;

namespace Mim.Training;

/// <summary><c>mim data list | materialise | fetch</c>.</summary>
static class DataCommand
{
    public static Command Create() => new("data", "List, freeze and fetch data sets.") { List(), Materialise(), Fetch() };

    static Command List()
    {
        var json = JsonOption();
        var command = new Command("list", "List the built-in data sets and those that can be fetched.") { json };
        command.SetAction(parsed =>
        {
            (string Name, string X, string Labels, string Description)[] sets =
            [
                ("toy4", "[2]", "component", "Gaussian mixture of the MIM paper: 4 modes of a ring and the origin, sigma 0.25"),
                ("toy4_<d>", "[d]", "component", "the same in d dimensions (toy4_20 in the paper), further means from -50 to 50"),
                ("toy-4", "[2]", "component", "4 modes on a closed ring without the origin, sigma 0.3125"),
                ("toyMIM", "[2]", "component", "a Gaussian for each lit pixel of the text behind 'toy' (A-Z, 0-9; toyVAE, toyAE in the paper)"),
                ("sprites", "[28, 28]", "shape", "rendered squares, ellipses and hearts with known scale, rotation, x and y"),
                (Dataset.FromFile, "the file's", "if any", "IDX, .npy, .npz, CSV, TSV or JSONL in dataset.path"),
                .. RemoteDataset.Known.Select(remote => (remote.Name, "[28, 28]", "0-9",
                    $"fetched by 'mim data fetch {remote.Name}', opened by dataset.path data/{remote.Name}")),
            ];
            if (parsed.GetValue(json))
            {
                Console.WriteLine(JsonSerializer.Serialize(
                    sets.Select(set => new { name = set.Name, x = set.X, labels = set.Labels, description = set.Description })));
                return ExitCode.Done;
            }
            foreach (var (name, x, labels, description) in sets)
            {
                Console.WriteLine($"{name,-14} x {x,-11} labels {labels,-10} {description}");
            }
            return ExitCode.Done;
        });
        return command;
    }

    static Command Materialise()
    {
        var config = new Option<string?>("--config")
        {
            Description = "Training configuration whose data set to freeze [default: none]",
            HelpName = "FILE",
        };
        var name = new Option<string?>("--dataset") { Description = "Its dataset.name [default: the configuration's]", HelpName = "NAME" };
        var split = new Option<SplitName>("--split") { Description = "Split to freeze", DefaultValueFactory = _ => SplitName.Test };
        var seed = new Option<long?>("--seed") { Description = "Key of a generator's draws [default: the configuration's trainer.seed]" };
        var epoch = new Option<int>("--epoch") { Description = "Epoch whose draws or augmentation to freeze", DefaultValueFactory = _ => 0 };
        var outFolder = new Option<string>("--out") { Description = "Folder to write", Required = true, HelpName = "DIR" };
        var json = JsonOption();
        var command = new Command("materialise", "Freeze a split: x.npy (raw units), labels.npy, factors.npy, dataset.json.")
        {
            config, name, split, seed, epoch, outFolder, json,
        };
        var keys = TrainingOptions.Keys.Where(key => key.Path.StartsWith("dataset.", StringComparison.Ordinal))
            .Select(key => (key.Path, Option: new Option<string?>($"--{key.Path}")
            {
                Description = $"{key.Help} [default: {key.Default}]",
                HelpName = "VALUE",
            }))
            .ToArray();
        foreach (var (_, option) in keys)
        {
            command.Add(option);
        }
        command.SetAction(parsed =>
        {
            List<KeyValuePair<string, string>> flags = [];
            foreach (var (path, option) in keys)
            {
                if (parsed.GetValue(option) is { } value)
                {
                    flags.Add(new(path, value));
                }
            }
            if (parsed.GetValue(name) is { } datasetName)
            {
                flags.Add(new("dataset.name", datasetName));
            }
            var options = TrainingOptions.Load(parsed.GetValue(config), flags);
            var chosenSeed = parsed.GetValue(seed) ?? options.Trainer.Seed;
            var folder = parsed.GetRequiredValue(outFolder);
            // Raw units: the preprocessing belongs to the model, not to the frozen rows.
            var dataset = Dataset.Open(options.Dataset with { Preprocessing = [] }, chosenSeed);
            var written = Materialised.Write(dataset, parsed.GetValue(split), parsed.GetValue(epoch), chosenSeed, folder);
            Console.WriteLine(parsed.GetValue(json) ? Materialised.ToJson(written) : string.Create(CultureInfo.InvariantCulture,
                $"{folder}: {written.Rows} rows of [{string.Join(", ", written.XShape)}] from {written.Name}, {written.Split}"));
            return ExitCode.Done;
        });
        return command;
    }

    static Command Fetch()
    {
        var name = new Argument<string>("NAME") { Description = string.Join(" or ", RemoteDataset.Known.Select(remote => remote.Name)) };
        var folder = new Option<string?>("--out") { Description = "Folder for the files [default: data/NAME]", HelpName = "DIR" };
        var baseUrl = new Option<string?>("--base-url")
        {
            Description = "Another place that has the same files [default: the official one]",
            HelpName = "URL",
        };
        var command = new Command("fetch", "Download a public data set, verified by SHA-256; continues where an interrupted call stopped.")
        {
            name, folder, baseUrl,
        };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var wanted = parsed.GetRequiredValue(name);
            var known = RemoteDataset.Known.FirstOrDefault(remote => remote.Name == wanted)
                ?? throw new UsageException($"data fetch: expected a data set, found '{wanted}'."
                    + Nearest.Hint(wanted, RemoteDataset.Known.Select(remote => remote.Name)));
            if (parsed.GetValue(baseUrl) is { } place)
            {
                var folderUrl = place.EndsWith('/') ? place : $"{place}/";
                known = Uri.TryCreate(folderUrl, UriKind.Absolute, out var url) && url.Scheme is "http" or "https"
                    ? known with { BaseUrl = url }
                    : throw new UsageException($"--base-url: expected an http or https address, found '{place}'.");
            }
            using var client = new HttpClient();
            await new Fetch(client, TimeProvider.System, Console.Error)
                .AllAsync(known, parsed.GetValue(folder) ?? $"data/{wanted}", cancellationToken);
            return ExitCode.Done;
        });
        return command;
    }

    static Option<bool> JsonOption() => new("--json") { Description = "Print JSON [default: false]" };
}
