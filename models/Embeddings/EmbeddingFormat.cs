namespace Mim.Models;

/// <summary>How embeddings are laid out in a file.</summary>
public enum EmbeddingFormat
{
    /// <summary>A float32 array (rows, Z), and beside it <c>&lt;file&gt;.json</c> with space_id, model, version, rows, dims, ids and labels.</summary>
    Npy,

    /// <summary>One object a line: id and label if there are any, space_id, z.</summary>
    Jsonl,

    /// <summary>Header id,label,space_id,z_0,…</summary>
    Csv,
}

/// <summary>The extension says the format.</summary>
public static class EmbeddingFormats
{
    /// <summary>Keys of a line of JSON that say where its vector comes from; readers of vectors pass over them.</summary>
    public static IReadOnlyList<string> ProvenanceKeys { get; } = ["source", "key", "model", "model_version", "content_sha256", "revision"];

    public static EmbeddingFormat Of(string path) => Path.GetExtension(path) switch
    {
        ".npy" => EmbeddingFormat.Npy,
        ".jsonl" => EmbeddingFormat.Jsonl,
        ".csv" => EmbeddingFormat.Csv,
        var other => throw new UsageException(
            $"{path}: expected embeddings as .npy, .jsonl or .csv, found '{other}'. Give the file one of these extensions."),
    };
}
