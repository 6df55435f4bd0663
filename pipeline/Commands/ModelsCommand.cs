using System.CommandLine;
using System.Globalization;
using Mim.Models;
using Spectre.Console;

namespace Mim.Pipeline;

/// <summary><c>mim models</c>: the store of published packages. No engine is started: hashes, schema and graphs are vetted by Mim.Models alone.</summary>
public static class ModelsCommand
{
    /// <summary>What <c>models add</c> published: small, deterministic, and therefore the out that a stage tracks.</summary>
    public sealed record Publication(string Name, string Version, string SpaceId, string ManifestSha256);

    public static Command Create(Project project)
    {
        var store = new Option<string>("--store")
        {
            Description = "The store's folder.",
            DefaultValueFactory = _ => Path.GetRelativePath(Directory.GetCurrentDirectory(), Path.Combine(project.Root, "models")),
            Recursive = true,
        };
        var json = new Option<bool>("--json") { Description = "Write the result as JSON. Default: false.", Recursive = true };
        ModelStore Open(ParseResult parsed) => new(parsed.GetRequiredValue(store));
        return new Command("models", "List, show, add, promote, roll back or verify published models.")
        {
            store,
            json,
            List(Open, json),
            Show(Open, json),
            Add(Open, json),
            Promote(Open, json),
            Rollback(Open, json),
            Verify(Open, json),
        };
    }

    static Command List(Func<ParseResult, ModelStore> open, Option<bool> json)
    {
        var command = new Command("list", "List every version of every model; * marks the promoted ones.");
        command.SetAction(parsed =>
        {
            var models = open(parsed).List();
            if (parsed.GetValue(json))
            {
                Json.Print(models);
                return;
            }
            var table = new Table().Border(TableBorder.Rounded).AddColumns("model", "version", "", "space id");
            foreach (var model in models)
            {
                table.AddRow(model.Name, model.Version, model.IsCurrent ? "*" : "", model.SpaceId);
            }
            Terminal.Out().Write(table);
        });
        return command;
    }

    static Command Show(Func<ParseResult, ModelStore> open, Option<bool> json)
    {
        var model = ModelArgument();
        var command = new Command("show", "Print a version's manifest in short, or whole with --json.") { model };
        command.SetAction(parsed =>
        {
            var folder = open(parsed).Resolve(parsed.GetRequiredValue(model));
            var path = Path.Combine(folder, ModelManifest.FileName);
            var manifest = ModelManifest.Read(path);
            if (parsed.GetValue(json))
            {
                Console.WriteLine(File.ReadAllText(path).TrimEnd());
                return;
            }
            var table = new Table().Border(TableBorder.None).HideHeaders().AddColumns("", "");
            void Row(string label, string value) => table.AddRow(new Text(label), new Text(value));
            Row("folder", folder);
            Row("model", $"{manifest.Name} {manifest.Version}");
            Row("space id", manifest.SpaceId);
            Row("kind", $"{manifest.Kind}, x [{string.Join(", ", manifest.XShape)}] -> z [{manifest.ZSize}]{(manifest.Likelihood is { } likelihood ? $", {likelihood}" : "")}");
            Row("preprocessing", manifest.Preprocessing.Count == 0 ? "none" : string.Join(", ", manifest.Preprocessing.Select(p => p.Kind)));
            Row("data", $"{manifest.Dataset.Name} {manifest.Dataset.Sha256}");
            Row("seed", manifest.Seed.ToString(CultureInfo.InvariantCulture));
            Row("engines", string.Join(", ", manifest.Engines.Select(e => $"{e.Key} {e.Value}")));
            Row("commit", manifest.TrainingCommit ?? "none");
            Row("stage key", manifest.StageKey ?? "none");
            foreach (var (name, value) in manifest.Metrics)
            {
                Row(name, Comparison.Format(value));
            }
            Terminal.Out().Write(table);
        });
        return command;
    }

    static Command Add(Func<ParseResult, ModelStore> open, Option<bool> json)
    {
        var package = new Argument<string>("PACKAGE") { Description = "Folder that 'mim export' wrote." };
        var record = new Option<string?>("--record") { Description = "Also write what was published to this JSON file. Default: no file." };
        var promote = new Option<bool>("--promote") { Description = "Make it the current version, too. Default: false." };
        var command = new Command("add", "Verify a package and publish it as the next version, once and atomically. The same package again is the version there is.") { package, record, promote };
        command.SetAction(parsed =>
        {
            var store = open(parsed);
            var published = store.Publish(parsed.GetRequiredValue(package));
            if (parsed.GetValue(promote))
            {
                store.Promote(published.Name, published.Version);
            }
            var publication = new Publication(published.Name, published.Version, published.SpaceId, Hashes.Sha256(Path.Combine(published.Folder, ModelManifest.FileName)));
            if (parsed.GetValue(record) is { } path)
            {
                AtomicFile.WriteText(path, Json.Text(publication) + "\n");
            }
            Say(parsed, json, publication, $"published {published.Folder}{(parsed.GetValue(promote) ? " and promoted it" : "")}");
        });
        return command;
    }

    static Command Promote(Func<ParseResult, ModelStore> open, Option<bool> json)
    {
        var name = new Argument<string>("NAME") { Description = "The model." };
        var version = new Argument<string>("VERSION") { Description = "The version, or its number." };
        var command = new Command("promote", "Verify a version and make it the current one.") { name, version };
        command.SetAction(parsed =>
        {
            var store = open(parsed);
            store.Promote(parsed.GetRequiredValue(name), parsed.GetRequiredValue(version));
            var current = store.List().First(m => m.IsCurrent && m.Name == parsed.GetValue(name));
            Say(parsed, json, current, $"{current.Name}/current is {current.Version}");
        });
        return command;
    }

    static Command Rollback(Func<ParseResult, ModelStore> open, Option<bool> json)
    {
        var name = new Argument<string>("NAME") { Description = "The model." };
        var command = new Command("rollback", "Make the version that was promoted before the current one current again.") { name };
        command.SetAction(parsed =>
        {
            var model = parsed.GetRequiredValue(name);
            var version = open(parsed).Rollback(model);
            Say(parsed, json, new { name = model, version }, $"{model}/current is {version}");
        });
        return command;
    }

    static Command Verify(Func<ParseResult, ModelStore> open, Option<bool> json)
    {
        var model = ModelArgument();
        var command = new Command("verify", "Check hashes, schema, graphs and goldens' shapes of a package without an engine. ('mim verify' replays the goldens.)") { model };
        command.SetAction(parsed =>
        {
            var package = open(parsed).Verify(parsed.GetRequiredValue(model));
            Say(parsed, json, new { folder = package.Folder, space_id = package.Manifest.SpaceId, files = package.Manifest.Files.Count },
                $"{package.Folder}: {package.Manifest.Files.Count} files, {package.Goldens.Count} goldens, all as the manifest says");
        });
        return command;
    }

    static Argument<string> ModelArgument() => new("MODEL") { Description = "A package's folder, or a model of the store: name, name/version or name/current." };

    static void Say<T>(ParseResult parsed, Option<bool> json, T result, string text)
    {
        if (parsed.GetValue(json))
        {
            Json.Print(result);
        }
        else
        {
            Console.WriteLine(text);
        }
    }
}
