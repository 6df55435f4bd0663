using System.Globalization;
using Mim.Inference;
using Mim.Models;
using Mim.Tests.Inference;
using Npgsql;

namespace Mim.Pipeline.Tests;

/// <summary>The table, on a real server.</summary>
[Collection(OnServers.Name)]
public sealed class PostgresSinkTests(Servers servers)
{
    static readonly ModelManifest s_model = SumEmbedder.Model(new string('a', 64), "1-aaaaaaaa") with { ZSize = 2 };
    static readonly ModelManifest s_foreign = SumEmbedder.Model(new string('b', 64), "2-bbbbbbbb") with { ZSize = 2 };

    /// <summary>F20 of the failure catalogue: ids follow from what a row is, whoever writes it and however often.</summary>
    [ServerFact]
    public async Task Rows_written_again_and_by_two_workers_at_once_are_there_once()
    {
        await using var first = await OpenAsync("twice", s_model);
        await using var second = await OpenAsync("twice", s_model);
        var rows = Enumerable.Range(0, 400).Select(key => Row(key, key)).ToArray();
        for (var round = 0; round < 3; round++)
        {
            // In opposite orders, which would deadlock if the merge did not sort.
            await Task.WhenAll(
                first.WriteAsync(new(s_model, rows), CancellationToken.None).AsTask(),
                second.WriteAsync(new(s_model, [.. rows.Reverse()]), CancellationToken.None).AsTask());
        }
        await using var database = servers.Database.Open();
        Assert.Equal(400L, await ScalarAsync(database, "SELECT count(*) FROM twice"));
        Assert.Equal(400L, await ScalarAsync(database, $"SELECT count(*) FROM twice WHERE space_id = '{s_model.SpaceId}' AND model_version = '1-aaaaaaaa' AND z[2] = x[1] + 0.25"));
        Assert.Equal(rows[7].ContentHash, await ScalarAsync(database, $"SELECT content_sha256 FROM twice WHERE id = '{rows[7].Id}'"));
        Assert.Equal("real[]", await ScalarAsync(database, "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'twice'::regclass AND attname = 'z'"));
    }

    [ServerFact]
    public async Task A_later_revision_replaces_a_row_and_an_earlier_one_does_not()
    {
        await using var sink = await OpenAsync("revisions", s_model);
        foreach (var (value, revision) in new[] { (1, 5L), (2, 4L), (3, 6L), (3, 8L), (4, 7L) })
        {
            await sink.WriteAsync(new(s_model, [Row(1, value, revision)]), CancellationToken.None);
        }
        // Of two in one batch the later counts.
        await sink.WriteAsync(new(s_model, [Row(2, 20, 2), Row(2, 30, 3), Row(2, 10, 1)]), CancellationToken.None);
        await using var database = servers.Database.Open();
        Assert.Equal(3f, await ScalarAsync(database, "SELECT z[1] FROM revisions WHERE key = '1'"));
        Assert.Equal(8L, await ScalarAsync(database, "SELECT revision FROM revisions WHERE key = '1'"));
        Assert.Equal(30f, await ScalarAsync(database, "SELECT z[1] FROM revisions WHERE key = '2'"));
    }

    /// <summary>F13 of the failure catalogue: by the sink when it opens, by the sink when the model is swapped, and by the database itself.</summary>
    [ServerFact]
    public async Task A_foreign_space_is_refused_three_times_over()
    {
        await using var sink = await OpenAsync("spaces", s_model);
        await sink.WriteAsync(new(s_model, [Row(1, 1)]), CancellationToken.None);
        var opened = await Assert.ThrowsAsync<InvalidDataException>(() => OpenAsync("spaces", s_foreign));
        Assert.Contains($"holds space {s_model.SpaceId}; the model makes vectors of space {s_foreign.SpaceId}", opened.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<InvalidDataException>(() => sink.WriteAsync(new(s_foreign, [Row(2, 2)]), CancellationToken.None).AsTask());
        await using var database = servers.Database.Open();
        var direct = await Assert.ThrowsAsync<PostgresException>(() => ScalarAsync(database, $"UPDATE spaces SET space_id = '{s_foreign.SpaceId}'"));
        Assert.Equal("mim_space", direct.ConstraintName);
        Assert.Equal(SinkFault.Fatal, sink.FaultOf(direct));
        Assert.Equal(1L, await ScalarAsync(database, "SELECT count(*) FROM spaces"));
    }

    [ServerFact]
    public async Task A_row_that_the_database_cannot_store_is_its_own_fault_and_leaves_nothing_of_its_batch()
    {
        await using var sink = await OpenAsync("refused", s_model);
        var rows = new[] { Row(1, 1), Row(2, 2) with { Label = "a\0b" } };
        var fault = await Assert.ThrowsAnyAsync<Exception>(() => sink.WriteAsync(new(s_model, rows), CancellationToken.None).AsTask());
        Assert.Equal(SinkFault.Row, sink.FaultOf(fault));
        await sink.WriteAsync(new(s_model, rows[..1]), CancellationToken.None);
        await using var database = servers.Database.Open();
        Assert.Equal(1L, await ScalarAsync(database, "SELECT count(*) FROM refused"));
    }

    [ServerFact]
    public async Task A_table_that_is_none_of_ours_is_refused()
    {
        await using var database = servers.Database.Open();
        await ScalarAsync(database, "CREATE TABLE other (id uuid)");
        var fault = await Assert.ThrowsAsync<InvalidDataException>(() => OpenAsync("other", s_model));
        Assert.Contains("found one without the constraint mim_space", fault.Message, StringComparison.Ordinal);
    }

    async Task<PostgresSink> OpenAsync(string table, ModelManifest model)
    {
        PostgresSink sink = new(servers.Database.Open(), table, keepsX: true, index: true);
        try
        {
            await sink.OpenAsync(model, CancellationToken.None);
            return sink;
        }
        catch
        {
            await sink.DisposeAsync();
            throw;
        }
    }

    static VectorRow Row(int key, int value, long revision = 0)
    {
        float[] x = [value];
        var name = key.ToString(CultureInfo.InvariantCulture);
        return new(RecordId.Of(s_model.SpaceId, "test", name), "test", name, null, RecordId.ContentHash(x, null), revision, x, (float[])[value, value + 0.25f]);
    }

    static async Task<object?> ScalarAsync(NpgsqlDataSource database, string sql)
    {
        await using var command = database.CreateCommand(sql);
        return await command.ExecuteScalarAsync();
    }
}
