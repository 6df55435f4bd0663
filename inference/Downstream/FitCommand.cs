using System.CommandLine;
using Mim.Models;

namespace Mim.Downstream;

static class FitCommand
{
    static readonly Option<string> s_embeddings = new("--embeddings")
    {
        Description = "Embeddings to fit on: .npy (with its .json), .jsonl or .csv, labelled or not.",
        Required = true,
    };

    static readonly Option<string> s_out = new("--out")
    {
        Description = "Folder to write clusters.zip, classifier.zip (labelled embeddings), metrics.json and downstream.json to.",
        Required = true,
    };

    static readonly Option<string?> s_test = new("--test-embeddings")
    {
        Description = "Embeddings of the same space to measure on, instead of a share of the former.",
    };

    static readonly Option<double> s_fraction = new("--test-fraction")
    {
        Description = "Share of each label's rows to measure on and not to fit on, between 0 and 1.",
        DefaultValueFactory = _ => 0.2,
    };

    static readonly Option<int?> s_clusters = new("--clusters") { Description = "Number of clusters [default: the number of labels]." };

    static readonly Option<int> s_seed = new("--seed") { Description = "Seed of the split and of k-means.", DefaultValueFactory = _ => 1 };

    static readonly Option<bool> s_json = new("--json") { Description = "Print the metrics as JSON." };

    public static Command Create()
    {
        var command = new Command("fit", "Fit k-means and, on labelled embeddings, a maximum-entropy classifier; measure both on rows they have not seen.")
        {
            s_embeddings, s_out, s_test, s_fraction, s_clusters, s_seed, s_json,
        };
        // The command line cancels the token only once this delegate has returned.
        command.SetAction((parsed, cancellationToken) => Task.Run(() => Run(parsed, cancellationToken), CancellationToken.None));
        return command;
    }

    static int Run(ParseResult parsed, CancellationToken cancellationToken)
    {
        var (fraction, clusters, test) = (parsed.GetValue(s_fraction), parsed.GetValue(s_clusters), parsed.GetValue(s_test));
        if (fraction is not (> 0 and < 1))
        {
            throw new UsageException($"--test-fraction: expected a number between 0 and 1, both excluded, found {fraction}.");
        }
        if (clusters < 1)
        {
            throw new UsageException($"--clusters: expected at least 1, found {clusters}.");
        }
        if (test is not null && parsed.GetResult(s_fraction) is { Implicit: false })
        {
            throw new UsageException("--test-fraction and --test-embeddings: expected one of them, found both.");
        }
        var plan = FitPlan.Create(parsed.GetRequiredValue(s_embeddings), test, fraction, clusters, parsed.GetValue(s_seed));
        var model = DownstreamModel.Fit(plan, Console.Error.WriteLine, cancellationToken);
        cancellationToken.ThrowIfCancellationRequested();
        var manifest = model.Save(parsed.GetRequiredValue(s_out));
        Console.Out.Write(parsed.GetValue(s_json) ? MetricsFile.ToJson(manifest) + "\n" : Report.Plain(manifest));
        return ExitCode.Done;
    }
}
