using System.CommandLine;
using Mim.Models;

namespace Mim.Inference;

/// <summary><c>migrate</c>: a table into another model's space.</summary>
public static class MigrateCommand
{
    const int Rows = 512;

    public static Command Create()
    {
        EngineFlags engine = new();
        var sink = WorkCommand.SinkOption("The table: postgres://USER:PASSWORD@HOST/DATABASE?table=NAME.");
        Option<bool> cutOver = new("--cut-over") { Description = "Then give the new rows the table's name, in one transaction; the old ones stay beside it." };
        Command command = new("migrate",
            "Re-embed a table with another model into NAME_<first 8 of its space>, while the table is in use; with --cut-over swap the two. "
            + "Run again, it embeds what has come since. Back is the same with the old model, whose rows are still there.")
        {
            sink, cutOver,
        };
        engine.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var package = engine.Open(parsed);
            var manifest = package.Manifest;
            var address = PostgresAddress.Parse(sink.Name, WorkCommand.Address(parsed, sink, nameof(InferenceOptions.Sink)));
            await using var database = address.Open();
            PostgresMigration migration = new(database, address.Table);
            var output = parsed.InvocationConfiguration.Output;
            if (await migration.SpaceAsync(cancellationToken) == manifest.SpaceId)
            {
                output.WriteLine($"{address.Table} holds space {manifest.SpaceId} already");
                return ExitCode.Done;
            }
            using var model = OnnxModel.Encoder(package, Rows, engine.Engine(parsed));
            List<ParityCheck> checks = [];
            Verification.Check(package, model, checks);
            VerificationReport report = new(
                manifest.Name, manifest.Version, manifest.SpaceId, OnnxModel.Engine, model.Device, engine.Engine(parsed).Threads, checks);
            foreach (var failure in report.Failures())
            {
                parsed.InvocationConfiguration.Error.WriteLine($"error: {failure}");
            }
            if (!report.Passed)
            {
                return ExitCode.Gate;
            }
            var progress = Progress.To(parsed.InvocationConfiguration.Error, "migrate");
            var rows = await migration.CopyAsync(manifest, Embed, done => progress.Report(done, null), cancellationToken);
            progress.End(rows, progress.Elapsed);
            output.WriteLine(parsed.GetValue(cutOver)
                ? $"{address.Table} holds space {manifest.SpaceId} now; the old rows are {await migration.CutOverAsync(manifest, Embed, cancellationToken)}"
                : $"{migration.NameOf(manifest.SpaceId)} holds space {manifest.SpaceId}; 'mim migrate --cut-over' makes it {address.Table}");
            return ExitCode.Done;

            float[] Embed(float[] x) => model.RunAll(x, Rows)[0];
        });
        return command;
    }
}
