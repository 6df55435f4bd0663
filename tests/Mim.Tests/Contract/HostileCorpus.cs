using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json.Nodes;
using static Mim.Tests.Contract.OnnxModelBuilder;

namespace Mim.Tests.Contract;

/// <summary>
/// Packages that somebody made to break a loader. Each case takes a valid package and spoils one thing; wherever the thing is inside a file, the manifest
/// is made to agree, so that the hash is no help.
/// </summary>
public static class HostileCorpus
{
    /// <param name="Name">What is wrong.</param>
    /// <param name="File">The file that the refusal has to name.</param>
    /// <param name="Reason">A part of the refusal that says what is wrong.</param>
    /// <param name="Spoil">Does it, in a folder that holds a valid package.</param>
    public sealed record HostilePackage(string Name, string File, string Reason, Action<string> Spoil)
    {
        public override string ToString() => Name;
    }

    /// <summary>Writes a case into an empty or absent folder.</summary>
    public static void Write(HostilePackage hostile, string folder)
    {
        SamplePackage.Copy(folder);
        hostile.Spoil(folder);
    }

    public static IReadOnlyList<HostilePackage> Cases { get; } = [.. Folders(), .. Manifests(), .. Graphs(), .. ExternalData(), .. Arrays()];

    static IEnumerable<HostilePackage> Folders()
    {
        yield return new("a manifest is absent", "manifest.json", "missing", folder => File.Delete(Path.Combine(folder, "manifest.json")));
        yield return new("a manifest is empty", "manifest.json", "found 0", folder => File.WriteAllText(Path.Combine(folder, "manifest.json"), ""));
        yield return new("a manifest is 17 MiB of spaces", "manifest.json", "16777216", folder => File.WriteAllText(Path.Combine(folder, "manifest.json"), new string(' ', 17 << 20)));
        yield return new("a listed file is missing", "encoder.onnx", "missing", folder => File.Delete(Path.Combine(folder, "encoder.onnx")));
        yield return new("a file is not listed", "run.sh", "does not list", folder => File.WriteAllText(Path.Combine(folder, "run.sh"), "x"));
        yield return new("a hidden file is not listed", ".hidden", "does not list", folder => File.WriteAllText(Path.Combine(folder, ".hidden"), "x"));
        yield return new("a file is one byte short", "encoder.onnx", "expected", folder => Truncate(Path.Combine(folder, "encoder.onnx")));
        yield return new("a file is one byte long", "encoder.onnx", "expected", folder => File.AppendAllText(Path.Combine(folder, "encoder.onnx"), "x"));
        yield return new("one bit of a weight is flipped", "encoder.onnx", "SHA-256", folder => Flip(Path.Combine(folder, "encoder.onnx")));
        // Whoever parses first says something else about these bytes.
        yield return new("a graph is noise under a graph's hash", "encoder.onnx", "SHA-256", folder => Fill(Path.Combine(folder, "encoder.onnx"), 0xFF));
        yield return new("a golden is noise under a golden's hash", "1.x.npy", "SHA-256", folder => Fill(Path.Combine(folder, "golden/1.x.npy"), 0xFF));
        yield return new("one bit of a golden is flipped", "1.x.npy", "SHA-256", folder => Flip(Path.Combine(folder, "golden/1.x.npy")));
        yield return new("a file is a link", "encoder.onnx", "links", folder =>
        {
            File.Move(Path.Combine(folder, "encoder.onnx"), Path.Combine(folder, "real"));
            File.CreateSymbolicLink(Path.Combine(folder, "encoder.onnx"), Path.Combine(folder, "real"));
        });
        yield return new("a file is a link to a device", "decoder.onnx", "links", folder =>
        {
            File.Delete(Path.Combine(folder, "decoder.onnx"));
            File.CreateSymbolicLink(Path.Combine(folder, "decoder.onnx"), "/dev/zero");
        });
        yield return new("a file is a link to nothing", "dangling", "links", folder => File.CreateSymbolicLink(Path.Combine(folder, "dangling"), "nowhere"));
        yield return new("a folder is a link", "golden", "links", folder =>
        {
            Directory.Move(Path.Combine(folder, "golden"), Path.Combine(folder, "real"));
            Directory.CreateSymbolicLink(Path.Combine(folder, "golden"), Path.Combine(folder, "real"));
        });
        yield return new("a folder is a link to itself", "loop", "links", folder => Directory.CreateSymbolicLink(Path.Combine(folder, "loop"), folder));
        yield return new("a folder stands in a file's place", "encoder.onnx", "missing", folder =>
        {
            File.Delete(Path.Combine(folder, "encoder.onnx"));
            Directory.CreateDirectory(Path.Combine(folder, "encoder.onnx"));
        });
        yield return new("folders are ten deep", "d/d", "deep", folder => Directory.CreateDirectory(Path.Combine([folder, .. Enumerable.Repeat("d", 10)])));
        yield return new("there are thousands of files", "", "1024 files", folder =>
        {
            for (var i = 0; i < 1100; i++)
            {
                File.WriteAllText(Path.Combine(folder, $"f{i}"), "");
            }
        });
    }

    static IEnumerable<HostilePackage> Manifests()
    {
        yield return Manifest("a manifest is cut off", "manifest.json", folder => Truncate(Path.Combine(folder, "manifest.json"), 40));
        yield return Manifest("a manifest is an array", "manifest.json", folder => File.WriteAllText(Path.Combine(folder, "manifest.json"), "[]"));
        yield return Manifest("a manifest is nested 10,000 deep", "depth", folder => File.WriteAllText(Path.Combine(folder, "manifest.json"), new string('[', 10_000)));
        yield return Manifest("a manifest is not UTF-8", "manifest.json", folder => File.WriteAllBytes(Path.Combine(folder, "manifest.json"), [0x7B, 0x22, 0xFF, 0xFE, 0x22, 0x3A, 0x31, 0x7D]));
        yield return Manifest("a manifest goes on after its end", "manifest.json", folder => File.AppendAllText(Path.Combine(folder, "manifest.json"), "{}"));
        yield return Manifest("a manifest has comments", "manifest.json", folder => SamplePackage.EditText(folder, "\"kind\"", "/* */ \"kind\""));
        yield return Manifest("a key occurs twice", "seed", folder => SamplePackage.EditText(folder, "\"seed\": 1", "\"seed\": 1, \"seed\": 2"));
        yield return Manifest("a key is unknown", "Did you mean 'z_size'", folder => SamplePackage.Edit(folder, manifest => manifest["zsize"] = 2));
        yield return Manifest("a key is missing", "stage_key", folder => SamplePackage.Edit(folder, manifest => manifest.Remove("stage_key")));
        yield return Manifest("a value is null", "engines", folder => SamplePackage.Edit(folder, manifest => manifest["engines"] = null));
        yield return Manifest("an item is null", "files[0]", folder => SamplePackage.Edit(folder, manifest => manifest["files"] = new JsonArray(null as JsonNode)));
        yield return Manifest("a contract version is of the future", "contract_version", folder => SamplePackage.Edit(folder, manifest => manifest["contract_version"] = 2));
        yield return Manifest("a model's name leaves the store", "name", folder => SamplePackage.Edit(folder, manifest => manifest["name"] = "../evil"));
        yield return Manifest("a number is NaN", "manifest.json", folder => SamplePackage.EditText(folder, "0.99", "NaN"));
        yield return Manifest("a metric overflows", "metrics.knn5_accuracy", folder => SamplePackage.EditText(folder, "0.99", "1e999"));
        yield return Manifest("a constant overflows float32", "preprocessing[0]", folder => SamplePackage.Edit(folder, manifest => manifest["preprocessing"]![0]!["a"]![0] = 1e300));
        yield return Manifest("a deviation is zero", "preprocessing[0]", folder => SamplePackage.Edit(folder, manifest => manifest["preprocessing"]![0]!["b"]![0] = 0));
        yield return Manifest("a constant is for another width", "preprocessing[0]", folder => SamplePackage.Edit(folder, manifest => manifest["preprocessing"]![0]!["a"] = new JsonArray(1, 2)));
        yield return Manifest("a shape overflows", "x_shape", folder => SamplePackage.Edit(folder, manifest => manifest["x_shape"] = new JsonArray(65536, 65536, 65536, 65536)));
        yield return Manifest("a shape is negative", "x_shape", folder => SamplePackage.Edit(folder, manifest => manifest["x_shape"] = new JsonArray(-3)));
        // A message put together for each of them would take hours.
        yield return Manifest("a shape has 200,000 dimensions", "found 200000", folder => SamplePackage.Edit(folder, manifest =>
            manifest["x_shape"] = JsonNode.Parse($"[{string.Join(',', Enumerable.Repeat('1', 200_000))}]")));
        yield return Manifest("the files are 26 GiB in all", "in all files", folder => SamplePackage.Edit(folder, manifest =>
        {
            foreach (var file in manifest["files"]!.AsArray())
            {
                file!["size"] = 1 << 30;
            }
        }));
        yield return Manifest("a listed file has no purpose and another hash: it is not read", "'payload.bin' is no part", folder =>
        {
            SamplePackage.Replace(folder, "payload.bin", [1, 2, 3]);
            File.WriteAllBytes(Path.Combine(folder, "payload.bin"), [1, 2, 4]);
        });
        yield return Manifest("a size is 2^70", "z_size", folder => SamplePackage.EditText(folder, "\"z_size\": 2", "\"z_size\": 1180591620717411303424"));
        yield return Manifest("a path climbs out", "files[0].path", folder => SamplePackage.Edit(folder, manifest => manifest["files"]![0]!["path"] = "golden/../../card.md"));
        yield return Manifest("a path is absolute", "files[0].path", folder => SamplePackage.Edit(folder, manifest => manifest["files"]![0]!["path"] = "/etc/passwd"));
        yield return Manifest("a path has a backslash", "files[0].path", folder => SamplePackage.Edit(folder, manifest => manifest["files"]![0]!["path"] = "..\\card.md"));
        yield return Manifest("a path is hidden in a null", "files[0].path", folder => SamplePackage.Edit(folder, manifest => manifest["files"]![0]!["path"] = "card.md\0.png"));
        yield return Manifest("a path is listed twice", "twice", folder => SamplePackage.Edit(folder, manifest => manifest["files"]!.AsArray().Add(manifest["files"]![0]!.DeepClone())));
        yield return Manifest("a file's size is negative", "files[0].size", folder => SamplePackage.Edit(folder, manifest => manifest["files"]![0]!["size"] = -1));
        yield return Manifest("a file's size is 2^62", "files[0].size", folder => SamplePackage.Edit(folder, manifest => manifest["files"]![0]!["size"] = 1L << 62));
        yield return Manifest("a hash is in upper case", "files[0].sha256", folder => SamplePackage.Edit(folder, manifest => manifest["files"]![0]!["sha256"] = new string('A', 64)));
        yield return Manifest("20,000 files are listed", "files", folder => SamplePackage.Edit(folder, manifest =>
            manifest["files"] = new JsonArray([.. Enumerable.Range(0, 20_000).Select(i => (JsonNode)new JsonObject { ["path"] = $"f{i}", ["sha256"] = new string('a', 64), ["size"] = 1 })])));
        yield return Manifest("a space id is another's", "space_id", folder => SamplePackage.Edit(folder, manifest => manifest["space_id"] = new string('b', 64)));
        yield return new("an encoder is not listed", "encoder.onnx", "does not list", folder => SamplePackage.Edit(folder, manifest =>
            manifest["files"]!.AsArray().Remove(manifest["files"]!.AsArray().First(file => (string?)file!["path"] == "encoder.onnx"))));
        yield return Manifest("a golden is not there", "64.x_mean.npy", folder =>
        {
            File.Delete(Path.Combine(folder, "golden/64.x_mean.npy"));
            SamplePackage.Edit(folder, manifest =>
                manifest["files"]!.AsArray().Remove(manifest["files"]!.AsArray().First(file => (string?)file!["path"] == "golden/64.x_mean.npy")));
        });
        yield return Manifest("a listed file has no purpose", "payload.bin", folder => SamplePackage.Replace(folder, "payload.bin", [1, 2, 3]));
        yield return new("a manifest says another width", "encoder.onnx", "z_mean [batch, 3]", folder => SamplePackage.Edit(folder, manifest => manifest["z_size"] = 3));
        yield return new("a manifest says another opset", "encoder.onnx", "opset", folder => SamplePackage.Edit(folder, manifest => manifest["opset"] = 13));
    }

    static IEnumerable<HostilePackage> Graphs()
    {
        var valid = Encoder().ToBytes();
        yield return Bytes("a graph is one byte", "ends within", [0x08]);
        foreach (var length in new[] { valid.Length / 4, valid.Length / 2, valid.Length - 1 })
        {
            yield return Bytes($"a graph is cut off at {length} of {valid.Length}", "", valid[..length]);
        }
        yield return Bytes("a graph is text", "", Encoding.UTF8.GetBytes("#!/bin/sh\nexit 0\n"));
        yield return Bytes("a graph is all ones", "", [.. Enumerable.Repeat((byte)0xFF, 4096)]);
        yield return Bytes("a length is 2^63", "left", new Message().Varint(1, 8).Tag(7, 2).Raw(1UL << 63).ToArray());
        yield return Bytes("a length is 4 GiB", "left", new Message().Varint(1, 8).Tag(7, 2).Raw(uint.MaxValue).ToArray());
        yield return Bytes("a number has eleven bytes", "more bytes", new Message().Tag(1, 0).Verbatim([0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]).ToArray());
        yield return Bytes("a number is overlong", "more bytes", new Message().Tag(1, 0).Verbatim([0x88, 0x80, 0x00]).ToArray());
        yield return Bytes("a field's number is zero", "field number", new Message().Verbatim([0x00, 0x01]).ToArray());
        yield return Bytes("a group is open", "wire type", new Message().Tag(7, 3).ToArray());
        yield return Bytes("messages are nested 100,000 deep", "", Nest(100_000));
        yield return Graph("a million empty nodes", "", model => model.ExtraInGraph.Verbatim(Repeat([0x0A, 0x00], 1_000_000)));
        yield return Graph("20,000 weights", "initializers", model => model.Initializers.AddRange(Enumerable.Range(0, 20_000).Select(i => Tensor($"w{i}", [1], 1))));
        yield return Graph("ten thousand metadata entries", "keys", model => model.Metadata.AddRange(Enumerable.Range(0, 10_000).Select(i => ($"k{i}", "v"))));
        yield return Graph("a metadata key twice", "twice", model => model.Metadata.AddRange([("k", "1"), ("k", "2")]));
        yield return Graph("a second graph", "twice", model => model.ExtraInModel.Nested(7, new Message()));
        yield return Graph("a second opset", "twice", model => model.OperatorSets.Add(new Message().String(1, "ai.onnx").Varint(2, 17)));
        yield return Graph("an opset of a foreign domain", "com.evil", model => model.OperatorSets[0] = new Message().String(1, "com.evil").Varint(2, 1));
        yield return Graph("an opset of the future", "opset", model => model.OperatorSets[0] = new Message().Varint(2, 27));
        yield return Graph("a negative opset", "opset", model => model.OperatorSets[0] = new Message().Varint(2, -1));
        yield return Graph("an IR version of the future", "IR version", model => model.IrVersion = 13);
        yield return Graph("functions", "functions", model => model.ExtraInModel.Nested(25, new Message().String(1, "f")));
        yield return Graph("training information", "training", model => model.ExtraInModel.Nested(20, new Message()));
        yield return Graph("an unknown field", "field 99", model => model.ExtraInModel.String(99, "x"));
        yield return Graph("a sparse weight", "sparse", model => model.ExtraInGraph.Nested(15, new Message()));
        yield return Graph("a name that is not UTF-8", "UTF-8", model => model.Nodes[0] = new Message().Bytes(1, [0xC0, 0x80]));
        yield return Graph("a name of a megabyte", "at most", model => model.Nodes[0] = Node("Sub", [new string('x', 1 << 20), "mean"], "centred"));
        yield return Graph("an operator of a foreign domain", "com.evil", model => model.Nodes[3] = Node("Tanh", ["z_mean"], "z_log_var").String(7, "com.evil"));
        yield return Graph("an operator that is not allowed", "RandomNormalLike", model => model.Nodes[3] = Node("RandomNormalLike", ["z_mean"], "z_log_var"));
        yield return Graph("an operator that is misspelt", "Did you mean 'Tanh'", model => model.Nodes[3] = Node("Tahn", ["z_mean"], "z_log_var"));
        yield return Graph("a subgraph", "subgraphs", model => model.Nodes[3] = Node("Tanh", ["z_mean"], "z_log_var", new Message().String(1, "body").Nested(6, new Message()).Varint(20, 5)));
        yield return Graph("a loop operator", "'Loop'", model => model.Nodes[3] = Node("Loop", ["z_mean"], "z_log_var"));
        yield return Graph("an attribute twice", "twice", model => model.Nodes[3] = Node("Tanh", ["z_mean"], "z_log_var", Integer("a", 1), Integer("a", 2)));
        yield return Graph("an attribute of two types", "two types", model => model.Nodes[3] = Node("Tanh", ["z_mean"], "z_log_var", new Message().String(1, "a").Varint(3, 1).String(4, "x").Varint(20, 2)));
        yield return Graph("an attribute whose type lies", "type 7", model => model.Nodes[3] = Node("Tanh", ["z_mean"], "z_log_var", new Message().String(1, "a").Varint(3, 1).Varint(20, 7)));
        yield return Graph("a padding of 2^40", "pads", model => model.Nodes[3] = Node("AveragePool", ["z_mean"], "z_log_var", Integers("pads", 0, 1L << 40)));
        yield return Graph("a padding of -2^63", "pads", model => model.Nodes[3] = Node("AveragePool", ["z_mean"], "z_log_var", Integers("pads", long.MinValue)));
        yield return Graph("a node that uses what is not there", "'nowhere'", model => model.Nodes[3] = Node("Tanh", ["nowhere"], "z_log_var"));
        yield return Graph("nodes out of order", "earlier node", model => model.Nodes.Reverse());
        yield return Graph("a cycle", "earlier node", model => model.Nodes[0] = Node("Sub", ["z_mean", "mean"], "centred"));
        yield return Graph("a name defined twice", "defined twice", model => model.Nodes[1] = Node("Div", ["centred", "deviation"], "centred"));
        yield return Graph("a weight that hides an input", "defined twice", model => model.Initializers.Add(Tensor("x", [1], 1)));
        yield return Graph("an output that nothing produces", "no node produces", model => model.Nodes.RemoveAt(3));
        yield return Graph("a node without an output", "no output", model => model.Nodes.Add(new Message().String(1, "x").String(4, "Tanh")));
        yield return Graph("a dimension of -1", "dimension of -1", model => model.Initializers[0] = TensorHead("mean", 1, -1).Bytes(9, new byte[12]));
        yield return Graph("a dimension of zero", "dimension of 0", model => model.Initializers[0] = TensorHead("mean", 1, 0).Bytes(9, []));
        yield return Graph("dimensions whose product overflows", "elements", model => model.Initializers[0] = TensorHead("mean", 1, 1L << 32, 1L << 32, 3).Bytes(9, new byte[12]));
        yield return Graph("a tensor of 2^35 elements with 12 bytes", "12 bytes", model => model.Initializers[0] = TensorHead("mean", 1, 1L << 35).Bytes(9, new byte[12]));
        yield return Graph("a tensor of nine dimensions", "dimensions", model => model.Initializers[0] = TensorHead("mean", 1, 3, 1, 1, 1, 1, 1, 1, 1, 1).Bytes(9, new byte[12]));
        yield return Graph("a tensor with less data than elements", "8 bytes", model => model.Initializers[0] = TensorHead("mean", 1, 3).Bytes(9, new byte[8]));
        yield return Graph("a tensor with data twice", "twice", model => model.Initializers[0] = TensorHead("mean", 1, 3).Bytes(9, new byte[12]).Bytes(9, new byte[12]));
        yield return Graph("a tensor with data in two places", "'mean'", model => model.Initializers[0] = TensorHead("mean", 1, 3).Bytes(9, new byte[12]).Bytes(4, new byte[12]));
        yield return Graph("a tensor without data", "'mean'", model => model.Initializers[0] = TensorHead("mean", 1, 3));
        yield return Graph("a tensor of strings", "type 8", model => model.Initializers[0] = TensorHead("mean", 8, 3).Bytes(9, new byte[12]));
        yield return Graph("a batch that is fixed", "batch", model => model.Inputs[0] = Port("x", 1, [Size(64), Size(3)]));
        yield return Graph("a batch of another name", "'n'", model => model.Inputs[0] = Port("x", 1, [Symbol("n"), Size(3)]));
        yield return Graph("a width that is symbolic", "'m'", model => model.Inputs[0] = Port("x", 1, [Symbol("batch"), Symbol("m")]));
        yield return Graph("a width that is negative", "-3", model => model.Inputs[0] = Port("x", -3));
        yield return Graph("a width of 2^60", "elements in a row", model => model.Inputs[0] = Port("x", 1L << 60));
        yield return Graph("an input of another type", "float32", model => model.Inputs[0] = Port("x", 7, [Symbol("batch"), Size(3)]));
        yield return Graph("an input that is a sequence", "not a tensor", model => model.Inputs[0] = new Message().String(1, "x").Nested(2, new Message().Nested(4, new Message())));
        yield return Graph("an input of another name", "found mu", model => (model.Inputs[0], model.Nodes[0]) = (Port("mu", 3), Node("Sub", ["mu", "mean"], "centred")));
        yield return Graph("a second input", "found x [batch, 3], y", model => model.Inputs.Add(Port("y", 3)));
        yield return Graph("an output fewer", "found z_mean", model => model.Outputs.RemoveAt(1));
    }

    static IEnumerable<HostilePackage> ExternalData()
    {
        yield return External("data in a parent folder", "'../weights.bin'", "../weights.bin", "0", "12");
        yield return External("data in an absolute path", "'/etc/passwd'", "/etc/passwd", "0", "12");
        yield return External("data in a drive", "'C:\\", "C:\\weights.bin", "0", "12");
        yield return External("data behind a climb", "'golden/../../w'", "golden/../../w", "0", "12");
        yield return External("data nowhere", "''", "", "0", "12");
        yield return External("data at a negative offset", "offset '-1'", "weights.bin", "-1", "12");
        yield return External("data at an offset of 2^63", "offset '9223372036854775808'", "weights.bin", "9223372036854775808", "12");
        yield return External("data whose end overflows", "9223372036854775807", "weights.bin", "9223372036854775807", "12");
        yield return External("data of negative length", "length '-12'", "weights.bin", "0", "-12");
        yield return External("data of another length", "expected 12 bytes", "weights.bin", "0", "1000000000000");
        yield return External("data without a length", "length ''", "weights.bin", "0", null);
        yield return new("external data is not listed", "weights.bin", "does not list", folder => Spoil(folder, "weights.bin", "0", "12"));
        yield return new("external data is the other graph", "decoder.onnx", "does not list", folder => Spoil(folder, "decoder.onnx", "0", "12"));
        yield return new("external data is too short", "weights.bin", "8 bytes in all", folder =>
        {
            Spoil(folder, "weights.bin", "0", "12");
            SamplePackage.Replace(folder, "weights.bin", new byte[8]);
        });
        yield return new("external data is a link", "weights.bin", "links", folder =>
        {
            Spoil(folder, "weights.bin", "0", "12");
            SamplePackage.Replace(folder, "weights.bin", new byte[12]);
            File.Delete(Path.Combine(folder, "weights.bin"));
            File.CreateSymbolicLink(Path.Combine(folder, "weights.bin"), "/etc/passwd");
        });
        yield return new("external data of a constant", "encoder.onnx", "constant", folder => SamplePackage.Replace(folder, "encoder.onnx", Build(model =>
            model.Nodes.Insert(0, Node("Constant", [], "c", new Message().String(1, "value").Nested(5, OnnxModelBuilder.External("", "weights.bin", "0", "12", 3)).Varint(20, 4))))));

        static HostilePackage External(string name, string reason, string location, string? offset, string? length) =>
            new(name, "encoder.onnx", reason, folder => Spoil(folder, location, offset, length));

        static void Spoil(string folder, string location, string? offset, string? length) => SamplePackage.Replace(
            folder, "encoder.onnx", Build(model => model.Initializers[0] = OnnxModelBuilder.External("mean", location, offset, length, 3)));
    }

    static IEnumerable<HostilePackage> Arrays()
    {
        var valid = Npy(new float[3], "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3), }");
        yield return Golden("an array is cut off", "bytes", valid[..^1]);
        yield return Golden("an array goes on", "bytes", [.. valid, 0]);
        yield return Golden("an array's header is cut off", "truncated", valid[..30]);
        yield return Golden("an array is a pickle", "magic", [0x80, 0x04, 0x95, 0, 0, 0, 0, 0, 0, 0]);
        yield return Golden("an array of version 9", "version", [.. valid[..6], 9, 0, .. valid[8..]]);
        yield return Golden("an array whose header is 4 GiB", "header of at most", [.. valid[..6], 2, 0, 0xFF, 0xFF, 0xFF, 0xFF, .. valid[10..]]);
        yield return Golden("an array of objects", "Python objects", Npy(new float[3], "{'descr': '|O', 'fortran_order': False, 'shape': (1, 3), }"));
        yield return Golden("an array of records", "structured", Npy(new float[3], "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1, 3), }"));
        yield return Golden("an array in big-endian order", "little-endian", Npy(new float[3], "{'descr': '>f4', 'fortran_order': False, 'shape': (1, 3), }"));
        yield return Golden("an array in Fortran order", "Fortran", Npy(new float[3], "{'descr': '<f4', 'fortran_order': True, 'shape': (1, 3), }"));
        yield return Golden("an array of negative size", "size of 0 or more", Npy(new float[3], "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 3), }"));
        yield return Golden("an array of 2^62 elements", "more elements", Npy(new float[3], "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 3), }"));
        yield return Golden("an array of 2^40 elements", "bytes", Npy(new float[3], "{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776,), }"));
        yield return Golden("an array with a key twice", "repeated", Npy(new float[3], "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1, 3), }"));
        yield return Golden("an array with code in its header", "expected", Npy(new float[3], "{'descr': '<f4', 'fortran_order': False, 'shape': (__import__('os'), 3), }"));
        yield return Golden("an array of another shape", "shape (1, 3)", Npy(new float[4], "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 4), }"));
        yield return Golden("an array of another type", "float32", Npy(new float[6], "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 3), }"));
        yield return Golden("an array with a NaN", "not finite", Npy([1, float.NaN, 2], "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3), }"));

        static HostilePackage Golden(string name, string reason, byte[] bytes) =>
            new(name, "1.x_mean.npy", reason, folder => SamplePackage.Replace(folder, "golden/1.x_mean.npy", bytes));

        static byte[] Npy(float[] data, string header)
        {
            var text = Encoding.ASCII.GetBytes(header + "\n");
            return [0x93, .. "NUMPY"u8, 1, 0, (byte)text.Length, (byte)(text.Length >> 8), .. text, .. MemoryMarshal.AsBytes(data.AsSpan())];
        }
    }

    static HostilePackage Manifest(string name, string reason, Action<string> spoil) => new(name, "manifest.json", reason, spoil);

    static HostilePackage Bytes(string name, string reason, byte[] encoder) => new(name, "encoder.onnx", reason, folder => SamplePackage.Replace(folder, "encoder.onnx", encoder));

    static HostilePackage Graph(string name, string reason, Action<OnnxModelBuilder> spoil) => new($"a graph with {name}", "encoder.onnx", reason, folder =>
        SamplePackage.Replace(folder, "encoder.onnx", Build(spoil)));

    static byte[] Build(Action<OnnxModelBuilder> spoil)
    {
        var model = Encoder();
        spoil(model);
        return model.ToBytes();
    }

    /// <summary>A graph in an attribute of a node of a graph, and so on: built from the inside, lengths included.</summary>
    static byte[] Nest(int depth)
    {
        var bytes = new byte[depth * 8];
        var start = bytes.Length;
        for (var i = 0; i < depth && start > 8; i++)
        {
            var head = new Message().Tag(i % 3 == 0 ? 7 : 1, 2).Raw((ulong)(bytes.Length - start)).ToArray();
            start -= head.Length;
            head.CopyTo(bytes, start);
        }
        return bytes[start..];
    }

    static byte[] Repeat(byte[] pattern, int count)
    {
        var bytes = new byte[pattern.Length * count];
        for (var i = 0; i < count; i++)
        {
            pattern.CopyTo(bytes, i * pattern.Length);
        }
        return bytes;
    }

    static void Flip(string path)
    {
        var bytes = File.ReadAllBytes(path);
        bytes[^5] ^= 1;
        File.WriteAllBytes(path, bytes);
    }

    static void Fill(string path, byte value)
    {
        var bytes = File.ReadAllBytes(path);
        Array.Fill(bytes, value);
        File.WriteAllBytes(path, bytes);
    }

    static void Truncate(string path, int count = 1)
    {
        using var stream = File.OpenWrite(path);
        stream.SetLength(stream.Length - count);
    }
}
