namespace Mim.Models;

/// <summary>A model package that has been read and found to be what its manifest says. An engine is given these very bytes, not the files again.</summary>
public sealed class ModelPackage
{
    public const string EncoderFile = "encoder.onnx";
    public const string DecoderFile = "decoder.onnx";
    public const string CardFile = "card.md";

    ModelPackage(string folder, ModelManifest manifest, byte[] encoder, byte[]? decoder, IReadOnlyList<Golden> goldens)
    {
        Folder = folder;
        Manifest = manifest;
        Encoder = encoder;
        Decoder = decoder;
        Goldens = goldens;
    }

    public string Folder { get; }
    public ModelManifest Manifest { get; }
    public byte[] Encoder { get; }
    public byte[]? Decoder { get; }

    /// <summary>One for each of <see cref="Golden.RowCounts"/>, ascending.</summary>
    public IReadOnlyList<Golden> Goldens { get; }

    /// <summary>Reads and vets a package; no engine is involved.</summary>
    /// <exception cref="InvalidDataException">Anything about the package is not as the contract says; the message names the file.</exception>
    public static ModelPackage Open(string folder) =>
        new(folder, ModelManifest.Read(Path.Combine(folder, ModelManifest.FileName)), [], null, []);

    /// <summary>Writes a package and replaces <paramref name="folder"/> if there is one.</summary>
    /// <param name="folder">The folder to be.</param>
    /// <param name="manifest">Everything that the graphs and files do not tell: space id, opset, IR version and files are filled in here.</param>
    /// <param name="encoder">The bytes of encoder.onnx.</param>
    /// <param name="decoder">The bytes of decoder.onnx, null for an encoder alone.</param>
    /// <param name="goldens">One for each of <see cref="Golden.RowCounts"/>.</param>
    /// <param name="card">The text of card.md.</param>
    /// <returns>The manifest as written.</returns>
    public static ModelManifest Write(string folder, ModelManifest manifest, byte[] encoder, byte[]? decoder, IReadOnlyList<Golden> goldens, string card) =>
        throw new NotImplementedException();
}
