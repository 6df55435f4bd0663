using System.Globalization;
using Mim.Inference;
using Mim.Models;
using Mim.Tests.Inference;
using Npgsql;

namespace Mim.Pipeline.Tests;

/// <summary>A table that is in use while another model's rows grow beside it.</summary>
[Collection(OnServers.Name)]
public sealed class PostgresMigrationTests(Servers servers)
{
    static readonly ModelManifest s_old = SumEmbedder.Model(new string('a', 64), "1-aaaaaaaa");
    static readonly ModelManifest s_new = SumEmbedder.Model(new string('b', 64), "2-bbbbbbbb");

    [ServerFact]
    public async Task Every_row_is_embedded_anew_and_what_comes_meanwhile_too_and_back_again()
    {
        await using var database = servers.Database.Open();
        PostgresMigration migration = new(database, "moved");
        await using var writer = await OpenAsync("moved", s_old);
        await WriteAsync(writer, s_old, Enumerable.Range(0, 1200));
        Assert.Equal(s_old.SpaceId, await migration.SpaceAsync(CancellationToken.None));
        Assert.Equal(1200, await migration.CopyAsync(s_new, Product, _ => { }, CancellationToken.None));
        Assert.Equal(0, await migration.CopyAsync(s_new, Product, _ => { }, CancellationToken.None));

        // Some change and some come while the worker of the old model goes on.
        await WriteAsync(writer, s_old, Enumerable.Range(0, 10), revision: 1);
        await WriteAsync(writer, s_old, Enumerable.Range(1200, 50));
        Assert.Equal("moved_aaaaaaaa", await migration.CutOverAsync(s_new, Product, CancellationToken.None));

        Assert.Equal(s_new.SpaceId, await migration.SpaceAsync(CancellationToken.None));
        Assert.Equal(1250L, await ScalarAsync(database, "SELECT count(*) FROM moved"));
        Assert.Equal(1250L, await ScalarAsync(database, "SELECT count(*) FROM moved WHERE z[1] = x[1] * x[2] AND model_version = '2-bbbbbbbb' AND label = 'l'"));
        Assert.Equal(RecordId.Of(s_new.SpaceId, "test", "7"), await ScalarAsync(database, "SELECT id FROM moved WHERE key = '7'"));
        Assert.Equal(1250L, await ScalarAsync(database, "SELECT count(*) FROM moved_aaaaaaaa WHERE z[1] = x[1] + x[2]"));

        // The old worker is refused by the table itself, which ends it.
        var refused = await Assert.ThrowsAsync<PostgresException>(() => WriteAsync(writer, s_old, [1]));
        Assert.Equal(SinkFault.Fatal, writer.FaultOf(refused));

        await using var swapped = await OpenAsync("moved", s_new);
        await WriteAsync(swapped, s_new, [2000]);
        Assert.Equal("moved_bbbbbbbb", await migration.CutOverAsync(s_old, Sum, CancellationToken.None));
        Assert.Equal(1251L, await ScalarAsync(database, "SELECT count(*) FROM moved WHERE z[1] = x[1] + x[2]"));
    }

    [ServerFact]
    public async Task Rows_without_features_and_other_features_and_codes_that_are_not_finite_are_refused()
    {
        await using var database = servers.Database.Open();
        await using (PostgresSink sink = new(servers.Database.Open(), "bare", keepsX: false, index: false))
        {
            await sink.OpenAsync(s_old, CancellationToken.None);
            await WriteAsync(sink, s_old, [1, 2]);
        }
        var bare = await Assert.ThrowsAsync<InvalidDataException>(() => new PostgresMigration(database, "bare").CopyAsync(s_new, Sum, _ => { }, CancellationToken.None));
        Assert.StartsWith("table bare: 2 rows were stored without features", bare.Message, StringComparison.Ordinal);

        await using var writer = await OpenAsync("narrow", s_old);
        await WriteAsync(writer, s_old, [1]);
        PostgresMigration migration = new(database, "narrow");
        var wide = await Assert.ThrowsAsync<InvalidDataException>(() => migration.CopyAsync(s_new with { XShape = [3] }, Sum, _ => { }, CancellationToken.None));
        Assert.StartsWith("table narrow: 1 rows have other than the 3 features", wide.Message, StringComparison.Ordinal);
        var infinite = await Assert.ThrowsAsync<InvalidDataException>(() => migration.CopyAsync(s_new, x => [float.PositiveInfinity], _ => { }, CancellationToken.None));
        Assert.Contains("code of it is not finite", infinite.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<InvalidDataException>(() => new PostgresMigration(database, "nowhere").SpaceAsync(CancellationToken.None));
    }

    async Task<PostgresSink> OpenAsync(string table, ModelManifest model)
    {
        PostgresSink sink = new(servers.Database.Open(), table, keepsX: true, index: true);
        await sink.OpenAsync(model, CancellationToken.None);
        return sink;
    }

    static Task WriteAsync(PostgresSink sink, ModelManifest model, IEnumerable<int> keys, long revision = 0) => sink.WriteAsync(
        new(model, [.. keys.Select(key =>
        {
            float[] x = [key, 3 + revision];
            var name = key.ToString(CultureInfo.InvariantCulture);
            var z = model == s_old ? Sum(x) : Product(x);
            return new VectorRow(RecordId.Of(model.SpaceId, "test", name), "test", name, "l", RecordId.ContentHash(x, "l"), revision, x, z);
        })]),
        CancellationToken.None).AsTask();

    static float[] Sum(float[] x) => [.. x.Chunk(2).Select(row => row[0] + row[1])];

    static float[] Product(float[] x) => [.. x.Chunk(2).Select(row => row[0] * row[1])];

    static async Task<object?> ScalarAsync(NpgsqlDataSource database, string sql)
    {
        await using var command = database.CreateCommand(sql);
        return await command.ExecuteScalarAsync();
    }
}
