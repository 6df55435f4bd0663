using System.Globalization;
using System.Text.RegularExpressions;

namespace Mim.Inference;

/// <summary>
/// The SQL of one table of vectors. Its constraint <c>mim_space</c> says the space, so that the database itself refuses a row of another, whoever
/// writes it.
/// </summary>
/// <param name="Name">See <see cref="IsName"/>.</param>
/// <param name="SpaceId">64 hexadecimal digits.</param>
/// <param name="Dims">Z.</param>
/// <param name="HasVector">Whether the database has pgvector's type; otherwise codes are <c>real[]</c>.</param>
/// <param name="KeepsX">Whether the features are stored, which <c>mim migrate</c> needs.</param>
public sealed partial record PostgresTable(string Name, string SpaceId, int Dims, bool HasVector, bool KeepsX)
{
    public const string SpaceConstraint = "mim_space";

    /// <summary>pgvector's HNSW takes no more for its type vector.</summary>
    const int MaxIndexedDims = 2000;

    const string Columns = "id, source, key, label, space_id, model, model_version, content_sha256, revision, x, z";

    /// <summary>Waits for whoever else makes a table: CREATE TABLE IF NOT EXISTS alone fails when two do so at once.</summary>
    public const string Lock = "SELECT pg_advisory_xact_lock(7809637)";

    public const string FindExtension = "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'vector')";

    /// <summary>One row for a table: the space's constraint, or null if it is none of ours, and the type of its codes.</summary>
    public const string FindTable = """
        SELECT (SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = t.oid AND conname = 'mim_space'),
               (SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = t.oid AND attname = 'z' AND NOT attisdropped)
        FROM (SELECT to_regclass($1) AS oid) AS t WHERE t.oid IS NOT NULL
        """;

    /// <summary>No index, no log, gone with the connection; its rows with each commit.</summary>
    public const string CreateStaging = """
        CREATE TEMP TABLE IF NOT EXISTS mim_staging (
            id uuid, source text, key text, label text, space_id text, model text, model_version text, content_sha256 bytea, revision bigint, x real[], z real[]
        ) ON COMMIT DELETE ROWS
        """;

    public const string Copy = $"COPY mim_staging ({Columns}) FROM STDIN (FORMAT BINARY)";

    string CodeType => HasVector ? string.Create(CultureInfo.InvariantCulture, $"vector({Dims})") : "real[]";

    string DimsCheck => HasVector ? "" : string.Create(CultureInfo.InvariantCulture, $" CONSTRAINT mim_dims CHECK (cardinality(z) = {Dims})");

    public string Create => $"""
        CREATE TABLE IF NOT EXISTS {Name} (
            id uuid PRIMARY KEY,
            source text NOT NULL,
            key text NOT NULL,
            label text,
            space_id text NOT NULL CONSTRAINT {SpaceConstraint} CHECK (space_id = '{SpaceId}'),
            model text NOT NULL,
            model_version text,
            content_sha256 bytea NOT NULL,
            revision bigint NOT NULL,
            x real[],
            z {CodeType} NOT NULL{DimsCheck},
            written_at timestamptz NOT NULL DEFAULT now()
        )
        """;

    /// <summary>Null where pgvector is absent or its index does not take so many dimensions.</summary>
    public string? CreateIndex => HasVector && Dims <= MaxIndexedDims
        ? $"CREATE INDEX IF NOT EXISTS {Name[(Name.IndexOf('.', StringComparison.Ordinal) + 1)..]}_z_hnsw ON {Name} USING hnsw (z vector_l2_ops)"
        : null;

    /// <summary>
    /// Ordered by id, so that two workers with the same rows wait for each other instead of locking each other out; one row an id, because a
    /// statement may touch a row once.
    /// </summary>
    public string Merge => $"""
        INSERT INTO {Name} AS t ({Columns})
        SELECT DISTINCT ON (id) {Columns[..^1]}{(HasVector ? $"z::{CodeType}" : "z")} FROM mim_staging ORDER BY id, revision DESC
        ON CONFLICT (id) DO UPDATE SET
            label = EXCLUDED.label, model = EXCLUDED.model, model_version = EXCLUDED.model_version, content_sha256 = EXCLUDED.content_sha256,
            revision = EXCLUDED.revision, x = EXCLUDED.x, z = EXCLUDED.z, written_at = now()
        WHERE t.revision < EXCLUDED.revision OR (t.revision = EXCLUDED.revision AND t.content_sha256 <> EXCLUDED.content_sha256)
        """;

    /// <summary>A name that needs no quotes, with a schema before it or none.</summary>
    public static bool IsName(string text) => TableName().IsMatch(text);

    /// <summary>The space that a constraint such as <c>CHECK ((space_id = '…'::text))</c> allows.</summary>
    public static string? SpaceOf(string? constraint) => constraint is null ? null : SpaceLiteral().Match(constraint) is { Success: true } match ? match.Groups[1].Value : null;

    /// <exception cref="InvalidDataException">The table holds another space, or other codes.</exception>
    public void Require(string? constraint, string? codeType)
    {
        var space = SpaceOf(constraint) ?? throw new InvalidDataException(
            $"table {Name}: expected one that 'mim work' made, found one without the constraint {SpaceConstraint}. Name another table.");
        if (space != SpaceId)
        {
            throw new InvalidDataException(
                $"table {Name}: holds space {space}; the model makes vectors of space {SpaceId}. 'mim migrate' re-embeds it, or name another table.");
        }
        if (codeType != CodeType)
        {
            throw new InvalidDataException($"table {Name}: expected codes of type {CodeType}, found {codeType}.");
        }
    }

    [GeneratedRegex(@"\A([a-z_][a-z0-9_]{0,39}\.)?[a-z_][a-z0-9_]{0,39}\z")]
    private static partial Regex TableName();

    [GeneratedRegex("'([0-9a-f]{64})'")]
    private static partial Regex SpaceLiteral();
}
