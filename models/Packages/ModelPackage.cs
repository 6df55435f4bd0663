using System.Text;

namespace Mim.Models;

/// <summary>A model package that has been read and found to be what its manifest says. An engine is given these very bytes, not the files again.</summary>
public sealed class ModelPackage
{
    public const string EncoderFile = "encoder.onnx";
    public const string DecoderFile = "decoder.onnx";
    public const string CardFile = "card.md";

    ModelPackage(
        string folder, ModelManifest manifest, byte[] encoder, byte[]? decoder, IReadOnlyDictionary<string, byte[]> externalData, IReadOnlyList<Golden> goldens)
    {
        Folder = folder;
        Manifest = manifest;
        Encoder = encoder;
        Decoder = decoder;
        ExternalData = externalData;
        Goldens = goldens;
    }

    public string Folder { get; }
    public ModelManifest Manifest { get; }
    public byte[] Encoder { get; }
    public byte[]? Decoder { get; }

    /// <summary>Weights outside the graphs' files, by the location that the graphs name; mostly none.</summary>
    public IReadOnlyDictionary<string, byte[]> ExternalData { get; }

    /// <summary>One for each of <see cref="Golden.RowCounts"/>, ascending.</summary>
    public IReadOnlyList<Golden> Goldens { get; }

    /// <summary>
    /// Reads and vets a package; no engine is involved. In this order: the folder (no links, a bounded number of files), the manifest, the graphs and
    /// their signatures, the space id, the goldens. Of every file size and SHA-256 come before its contents; a file without a purpose is never read.
    /// </summary>
    /// <exception cref="InvalidDataException">Anything about the package is not as the contract says; the message names the file.</exception>
    public static ModelPackage Open(string folder)
    {
        var files = new PackageFolder(folder);
        var manifest = ModelManifest.Parse(
            files.Read(ModelManifest.FileName, 1, ModelManifest.MaxBytes), files.Describe(ModelManifest.FileName));
        return Vet(folder, manifest, files);
    }

    /// <summary>Writes a package, vets it as <see cref="Open"/> would, and replaces <paramref name="folder"/> if there is one.</summary>
    /// <param name="folder">The folder to be.</param>
    /// <param name="manifest">Everything that the graphs and files do not tell: space id, opset, IR version and files are filled in here.</param>
    /// <param name="encoder">The bytes of encoder.onnx.</param>
    /// <param name="decoder">The bytes of decoder.onnx, null for an encoder alone.</param>
    /// <param name="goldens">One for each of <see cref="Golden.RowCounts"/>.</param>
    /// <param name="card">The text of card.md.</param>
    /// <param name="externalData">Weights outside the graphs' files, by the location that the graphs name.</param>
    /// <returns>The manifest as written.</returns>
    public static ModelManifest Write(
        string folder,
        ModelManifest manifest,
        byte[] encoder,
        byte[]? decoder,
        IReadOnlyList<Golden> goldens,
        string card,
        IReadOnlyDictionary<string, byte[]>? externalData = null)
    {
        Dictionary<string, byte[]> contents = new(externalData ?? new Dictionary<string, byte[]>(), StringComparer.Ordinal)
        {
            [EncoderFile] = encoder,
            [CardFile] = Encoding.UTF8.GetBytes(card),
        };
        if (decoder is not null)
        {
            contents[DecoderFile] = decoder;
        }
        var summary = OnnxScanner.Scan(encoder, EncoderFile);
        var inputs = manifest.InputShape.Aggregate(1L, (product, size) => product * size);
        foreach (var golden in goldens)
        {
            foreach (var (tensor, values) in golden.Tensors)
            {
                long[] shape = [golden.Rows, .. RowShape(manifest, tensor, values.Length / (golden.Rows * inputs))];
                contents[Golden.FileName(golden.Rows, tensor)] = Npy.ToBytes(NpyArray.From(values, shape));
            }
        }
        var complete = manifest with
        {
            ContractVersion = ModelManifest.CurrentContractVersion,
            Version = null,
            SpaceId = SpaceId.Compute(encoder, manifest.Preprocessing, externalData?.ToDictionary(file => file.Key, file => Hashes.Sha256(file.Value))),
            Opset = summary.Opset,
            IrVersion = summary.IrVersion,
            Files = [.. contents.OrderBy(file => file.Key, StringComparer.Ordinal).Select(file => new PackageFile(file.Key, Hashes.Sha256(file.Value), file.Value.Length))],
        };
        AtomicFolder.Write(folder, temporary =>
        {
            foreach (var (path, bytes) in contents)
            {
                AtomicFolder.WriteFile(Path.Combine(temporary, path), stream => stream.Write(bytes));
            }
            complete.Write(Path.Combine(temporary, ModelManifest.FileName));
            Open(temporary);
        });
        return complete;
    }

    /// <summary>
    /// What one unit of the network is in a tensor of the graphs, as <see cref="ModelManifest.Units"/> says, but no more than the goldens' x spans: a
    /// manifest that claims a deviation of 10^30 would otherwise let every x_mean pass.
    /// </summary>
    public float[] Units(string tensor)
    {
        var units = Manifest.Units(tensor);
        if (units.Length == 0)
        {
            return units;
        }
        var (low, high) = (float.PositiveInfinity, float.NegativeInfinity);
        foreach (var value in Goldens.SelectMany(golden => golden.Tensors[TensorNames.X]))
        {
            if (!float.IsNaN(value))
            {
                (low, high) = (Math.Min(low, value), Math.Max(high, value));
            }
        }
        var span = low < high ? high - low : 1;
        return Array.ConvertAll(units, unit => Math.Min(unit, span));
    }

    static byte[] Read(PackageFolder files, PackageFile file)
    {
        var bytes = files.Read(file.Path, file.Size, file.Size);
        var found = Hashes.Sha256(bytes);
        return found == file.Sha256
            ? bytes
            : throw new InvalidDataException(
                $"{files.Describe(file.Path)}: expected SHA-256 {file.Sha256} as the manifest says, found {found}. The file was changed after the package was written; export or copy it again.");
    }

    static ModelPackage Vet(string folder, ModelManifest manifest, PackageFolder files)
    {
        var manifestName = Path.Combine(folder, ModelManifest.FileName);
        var left = manifest.Files.ToDictionary(file => file.Path, StringComparer.Ordinal);
        foreach (var path in files.Paths)
        {
            if (path != ModelManifest.FileName && !left.ContainsKey(path))
            {
                throw new InvalidDataException(
                    $"{files.Describe(path)}: the manifest does not list this file. Remove it, or export the package again.");
            }
        }
        var encoder = Take(EncoderFile);
        var decoder = manifest.Kind == ModelManifest.Autoencoder ? Take(DecoderFile) : null;
        _ = Take(CardFile);
        var encoderName = Path.Combine(folder, EncoderFile);
        var encoderSummary = OnnxScanner.Scan(encoder, encoderName);
        CheckPorts(encoderName, "input", encoderSummary.Inputs, Ports(manifest, [TensorNames.X]));
        string[] outputs = manifest.LogVarFloor is null ? [TensorNames.ZMean] : [TensorNames.ZMean, TensorNames.ZLogVar];
        CheckPorts(encoderName, "output", encoderSummary.Outputs, Ports(manifest, outputs));
        CheckVersions(encoderName, encoderSummary, manifest);
        List<string> tensors = [TensorNames.X, .. outputs];
        var components = 1L;
        List<OnnxExternalData> locations = [.. encoderSummary.ExternalData];
        if (decoder is not null)
        {
            var decoderName = Path.Combine(folder, DecoderFile);
            var summary = OnnxScanner.Scan(decoder, decoderName);
            string[] inputs = manifest.Autoregressive ? [TensorNames.Z, TensorNames.XGiven] : [TensorNames.Z];
            CheckPorts(decoderName, "input", summary.Inputs, Ports(manifest, inputs));
            string[] reconstruction =
            [
                TensorNames.XMean,
                .. manifest.Likelihood switch
                {
                    ModelManifest.Bernoulli => [TensorNames.XLogits],
                    ModelManifest.GaussianMixture => [TensorNames.XMixtureLogits, TensorNames.XMixtureMean, TensorNames.XMixtureLogVar],
                    ModelManifest.Logistic => [TensorNames.XLocation, TensorNames.XLogScale],
                    _ when summary.Outputs.Count == 1 => Array.Empty<string>(),
                    _ => [TensorNames.XLogVar],
                },
            ];
            components = summary.Outputs.FirstOrDefault(port => port.Name == TensorNames.XMixtureLogits) is { Shape: [var k, ..] } ? k : 1;
            CheckPorts(decoderName, "output", summary.Outputs, Ports(manifest, reconstruction, components));
            CheckVersions(decoderName, summary, manifest);
            tensors.AddRange([.. inputs, .. reconstruction]);
            locations.AddRange(summary.ExternalData);
        }
        HashSet<string> purposes = [.. locations.Select(data => data.Location), .. Golden.RowCounts.SelectMany(rows => tensors.Select(tensor => Golden.FileName(rows, tensor)))];
        if (left.Keys.FirstOrDefault(path => !purposes.Contains(path)) is { } stray)
        {
            throw new InvalidDataException(
                $"{manifestName}: key 'files': '{stray}' is no part of a package of kind '{manifest.Kind}'. Remove it.");
        }
        var external = TakeExternal(folder, locations, location => left.ContainsKey(location) ? Take(location) : null);
        var goldens = Golden.RowCounts.Select(rows => new Golden(rows, tensors.ToDictionary(tensor => tensor, tensor => TakeGolden(rows, tensor)))).ToList();
        var hashes = manifest.Files.Where(file => external.ContainsKey(file.Path)).ToDictionary(file => file.Path, file => file.Sha256);
        var spaceId = SpaceId.Compute(encoder, manifest.Preprocessing, hashes);
        if (spaceId != manifest.SpaceId)
        {
            throw new InvalidDataException(
                $"{manifestName}: key 'space_id': expected {spaceId}, which is what {EncoderFile} and the preprocessing give, found {manifest.SpaceId}. Export the package again.");
        }
        return new ModelPackage(folder, manifest, encoder, decoder, external, goldens);

        byte[] Take(string path) => left.Remove(path, out var file)
            ? Read(files, file)
            : throw new InvalidDataException(
                $"{manifestName}: key 'files': expected '{path}' among the files of a package of kind '{manifest.Kind}'. Export the package again.");

        float[] TakeGolden(int rows, string tensor)
        {
            var path = Golden.FileName(rows, tensor);
            var name = Path.Combine(folder, path);
            var array = Npy.Read(Take(path), name);
            long[] shape = [rows, .. RowShape(manifest, tensor, components)];
            if (array.Type != NpyType.Float32 || !array.Shape.SequenceEqual(shape))
            {
                throw new InvalidDataException(
                    $"{name}: expected float32 of shape ({string.Join(", ", shape)}), found {array.Type} of shape ({string.Join(", ", array.Shape)}).");
            }
            var values = array.ToSingle();
            // A missing cell is a NaN in x, and only an impute step knows what to do with it.
            var mayBeMissing = tensor == TensorNames.X && manifest.Preprocessing.Any(step => step.Kind == PreprocessingStep.Impute);
            return Array.TrueForAll(values, value => float.IsFinite(value) || mayBeMissing && float.IsNaN(value))
                ? values
                : throw new InvalidDataException($"{name}: holds a value that is not finite. The model was exported from a diverged run.");
        }
    }

    static Dictionary<string, byte[]> TakeExternal(string folder, List<OnnxExternalData> locations, Func<string, byte[]?> take)
    {
        Dictionary<string, byte[]> external = new(StringComparer.Ordinal);
        foreach (var (location, offset, length) in locations)
        {
            if (!external.TryGetValue(location, out var bytes))
            {
                external[location] = bytes = !location.EndsWith(".onnx", StringComparison.Ordinal) && take(location) is { } found
                    ? found
                    : throw new InvalidDataException(
                        $"{Path.Combine(folder, location)}: a graph keeps weights there, but the manifest does not list it as a file of its own.");
            }
            if (offset > bytes.Length - length)
            {
                throw new InvalidDataException(
                    $"{Path.Combine(folder, location)}: a graph expects {length} bytes of weights at offset {offset}, found {bytes.Length} bytes in all.");
            }
        }
        return external;
    }

    static void CheckPorts(string name, string what, IReadOnlyList<OnnxTensor> found, OnnxTensor[] expected)
    {
        // They are bound by name, so their order is nobody's business.
        var pairs = found.OrderBy(port => port.Name, StringComparer.Ordinal).Zip(expected.OrderBy(port => port.Name, StringComparer.Ordinal));
        var same = found.Count == expected.Length && pairs.All(pair => pair.First.Name == pair.Second.Name && pair.First.Shape.SequenceEqual(pair.Second.Shape));
        if (!same)
        {
            throw new InvalidDataException(
                $"{name}: expected the {what}s {Describe(expected)} as the manifest says, found {Describe(found)}. Export it again.");
        }
    }

    static void CheckVersions(string name, OnnxSummary summary, ModelManifest manifest)
    {
        if ((summary.Opset, summary.IrVersion) != (manifest.Opset, manifest.IrVersion))
        {
            throw new InvalidDataException(
                $"{name}: expected opset {manifest.Opset} and IR version {manifest.IrVersion} as the manifest says, found {summary.Opset} and {summary.IrVersion}. Export it again.");
        }
    }

    static string Describe(IEnumerable<OnnxTensor> ports) =>
        string.Join(", ", ports.Select(port => $"{port.Name} [{string.Join(", ", port.Shape.Select(size => $"{size}").Prepend(TensorNames.Batch))}]"));

    static OnnxTensor[] Ports(ModelManifest manifest, IEnumerable<string> tensors, long components = 1) =>
        [.. tensors.Select(tensor => new OnnxTensor(tensor, RowShape(manifest, tensor, components)))];

    /// <param name="manifest">Has the shapes of x and z.</param>
    /// <param name="tensor">Its name.</param>
    /// <param name="components">K, of a mixture's parameters.</param>
    static long[] RowShape(ModelManifest manifest, string tensor, long components) => tensor switch
    {
        TensorNames.Z or TensorNames.ZMean or TensorNames.ZLogVar => [manifest.ZSize],
        TensorNames.XMixtureLogits or TensorNames.XMixtureMean or TensorNames.XMixtureLogVar => [components, .. manifest.InputShape],
        TensorNames.X or TensorNames.XMean => [.. manifest.XShape],
        _ => [.. manifest.InputShape],
    };
}
