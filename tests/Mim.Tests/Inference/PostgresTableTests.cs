using Mim.Inference;
using Npgsql;

namespace Mim.Tests.Inference;

/// <summary>The SQL for PostgreSQL, word by word: pgvector's is not installed where these tests run. Mim.Pipeline.Tests runs the rest on a server.</summary>
public sealed class PostgresTableTests
{
    static readonly string s_space = new('a', 64);

    readonly PostgresTable _plain = new("shop.codes", s_space, 3, HasVector: false, KeepsX: true);
    readonly PostgresTable _vector = new("shop.codes", s_space, 3, HasVector: true, KeepsX: true);

    [Fact]
    public void A_table_holds_one_space_and_codes_of_one_length()
    {
        Assert.Equal($"""
            CREATE TABLE IF NOT EXISTS shop.codes (
                id uuid PRIMARY KEY,
                source text NOT NULL,
                key text NOT NULL,
                label text,
                space_id text NOT NULL CONSTRAINT mim_space CHECK (space_id = '{s_space}'),
                model text NOT NULL,
                model_version text,
                content_sha256 bytea NOT NULL,
                revision bigint NOT NULL,
                x real[],
                z real[] NOT NULL CONSTRAINT mim_dims CHECK (cardinality(z) = 3),
                written_at timestamptz NOT NULL DEFAULT now()
            )
            """, _plain.Create);
        Assert.Equal(_plain.Create.Replace("z real[] NOT NULL CONSTRAINT mim_dims CHECK (cardinality(z) = 3)", "z vector(3) NOT NULL", StringComparison.Ordinal), _vector.Create);
    }

    [Fact]
    public void Codes_are_indexed_where_pgvector_can()
    {
        Assert.Equal("CREATE INDEX IF NOT EXISTS codes_z_hnsw ON shop.codes USING hnsw (z vector_l2_ops)", _vector.CreateIndex);
        Assert.Null(_plain.CreateIndex);
        Assert.NotNull((_vector with { Dims = 2000 }).CreateIndex);
        Assert.Null((_vector with { Dims = 2001 }).CreateIndex);
    }

    [Fact]
    public void Rows_are_merged_by_id_in_one_order_and_replaced_only_by_a_later_revision_or_other_content_of_the_same()
    {
        const string Expected = """
            INSERT INTO shop.codes AS t (id, source, key, label, space_id, model, model_version, content_sha256, revision, x, z)
            SELECT DISTINCT ON (id) id, source, key, label, space_id, model, model_version, content_sha256, revision, x, z FROM mim_staging ORDER BY id, revision DESC
            ON CONFLICT (id) DO UPDATE SET
                label = EXCLUDED.label, model = EXCLUDED.model, model_version = EXCLUDED.model_version, content_sha256 = EXCLUDED.content_sha256,
                revision = EXCLUDED.revision, x = EXCLUDED.x, z = EXCLUDED.z, written_at = now()
            WHERE t.revision < EXCLUDED.revision OR (t.revision = EXCLUDED.revision AND t.content_sha256 <> EXCLUDED.content_sha256)
            """;
        Assert.Equal(Expected, _plain.Merge);
        Assert.Equal(Expected.Replace("x, z FROM", "x, z::vector(3) FROM", StringComparison.Ordinal), _vector.Merge);
    }

    /// <summary>F13 of the failure catalogue: two models of equal width are told apart by their space.</summary>
    [Fact]
    public void A_table_of_another_space_is_refused()
    {
        _plain.Require($"CHECK ((space_id = '{s_space}'::text))", "real[]");
        var foreign = Assert.Throws<InvalidDataException>(() => _plain.Require($"CHECK ((space_id = '{new string('b', 64)}'::text))", "real[]"));
        Assert.StartsWith($"table shop.codes: holds space {new string('b', 64)}; the model makes vectors of space {s_space}.", foreign.Message, StringComparison.Ordinal);
        Assert.Contains("expected one that 'mim work' made", Assert.Throws<InvalidDataException>(() => _plain.Require(null, "real[]")).Message, StringComparison.Ordinal);
        Assert.Contains("expected codes of type vector(3), found vector(4)", Assert.Throws<InvalidDataException>(
            () => _vector.Require($"CHECK ((space_id = '{s_space}'::text))", "vector(4)")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("codes", true)]
    [InlineData("shop.codes_2", true)]
    [InlineData("Codes", false)]
    [InlineData("codes; DROP TABLE codes", false)]
    [InlineData("a.b.c", false)]
    [InlineData("codes\n", false)]
    [InlineData("", false)]
    public void A_table_s_name_needs_no_quotes(string name, bool expected) => Assert.Equal(expected, PostgresTable.IsName(name));

    [Theory]
    [InlineData("22021", SinkFault.Row)] // a NUL in a text
    [InlineData("22P02", SinkFault.Row)]
    [InlineData("23514", SinkFault.Row)]
    [InlineData("08006", SinkFault.Transient)]
    [InlineData("40P01", SinkFault.Transient)] // deadlock
    [InlineData("53100", SinkFault.Transient)] // disk full
    [InlineData("57P01", SinkFault.Transient)] // shut down
    [InlineData("57P03", SinkFault.Transient)] // starting
    [InlineData("25006", SinkFault.Transient)] // a replica
    [InlineData("42P01", SinkFault.Fatal)] // no such table
    [InlineData("42501", SinkFault.Fatal)] // not allowed
    [InlineData("28P01", SinkFault.Fatal)] // password
    public async Task What_the_server_says_is_a_row_s_fault_or_passes_or_neither(string state, SinkFault expected)
    {
        await using var sink = new PostgresSink(NpgsqlDataSource.Create("Host=nowhere"), "codes", true, true);
        Assert.Equal(expected, sink.FaultOf(new PostgresException("", "ERROR", "ERROR", state)));
        Assert.Equal(SinkFault.Fatal, sink.FaultOf(new PostgresException("", "ERROR", "ERROR", "23514", constraintName: "mim_space")));
        Assert.Equal(SinkFault.Transient, sink.FaultOf(new NpgsqlException("reset", new IOException())));
    }
}
