using System.Diagnostics;
using System.IO.Compression;
using System.Runtime.CompilerServices;
using System.Text;
using Mim.Downstream;
using Mim.Models;
using Mim.Tests.Inference;

namespace Mim.Pipeline.Tests;

/// <summary>
/// The files of tests/BadInputs.tsv: those of tests/BadInputs/, and by the names below what cannot be committed, made once and copied for each
/// row.
/// </summary>
sealed class BadInputFixtures
{
    const int Rows = 8;
    const int CutBytes = 10;

    readonly string _folder;

    public BadInputFixtures(string folder)
    {
        _folder = Directory.CreateDirectory(folder).FullName;
        WriteArrays();
        WritePackages();
        WriteStore();
        WriteDownstream();
        WriteRuns();
    }

    public static string Checkout { get; } = FindCheckout();

    public static string Committed { get; } = Path.Combine(Checkout, "tests", "BadInputs");

    /// <summary>Copies a file or a folder into <paramref name="work"/>.</summary>
    public void Put(string name, string work)
    {
        var made = Path.Combine(_folder, name);
        Copy(File.Exists(made) || Directory.Exists(made) ? made : Path.Combine(Committed, name), Path.Combine(work, name));
    }

    static void Copy(string from, string to)
    {
        if (!Directory.Exists(from))
        {
            File.Copy(from, to);
            return;
        }
        Directory.CreateDirectory(to);
        foreach (var inner in Directory.EnumerateFileSystemEntries(from))
        {
            Copy(inner, Path.Combine(to, Path.GetFileName(inner)));
        }
    }

    void WriteArrays()
    {
        Npy.Write(this["good.npy"], NpyArray.From(AffineModel.Rows(Rows, AffineModel.X, 1), Rows, AffineModel.X));
        Npy.Write(this["wide.npy"], NpyArray.From(AffineModel.Rows(Rows, AffineModel.X + 2, 1), Rows, AffineModel.X + 2));
        Npy.Write(this["five-labels.npy"], NpyArray.From([0L, 1, 0, 1, 0], 5));
        Npy.Write(this["real-labels.npy"], NpyArray.From(new float[Rows], Rows));
        var holed = AffineModel.Rows(Rows, AffineModel.X, 1);
        holed[(3 * AffineModel.X) + 1] = float.NaN;
        Npy.Write(this["holed.npy"], NpyArray.From(holed, Rows, AffineModel.X));
        var whole = File.ReadAllBytes(this["good.npy"]);
        File.WriteAllBytes(this["truncated.npy"], whole[..^CutBytes]);
        // What numpy writes for an array of Python objects, pickles after it.
        File.WriteAllBytes(this["objects.npy"], Encoding.Latin1.GetBytes(Encoding.Latin1.GetString(whole).Replace("<f4", "|O ", StringComparison.Ordinal)));

        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Optimal, leaveOpen: true))
        {
            var pixels = new byte[100 * 28 * 28];
            new Random(1).NextBytes(pixels);
            gzip.Write([0, 0, 8, 3, 0, 0, 0, 100, 0, 0, 0, 28, 0, 0, 0, 28, .. pixels]);
        }
        File.WriteAllBytes(this["truncated-idx3-ubyte.gz"], packed.ToArray()[..^1000]);
        File.WriteAllBytes(this["wrong-magic-idx3-ubyte"], [0, 0, 7, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 5]);
    }

    void WritePackages()
    {
        new AffineModel(1).Write(this["model"]);
        string[] columns = ["age", "height", "weight", "pulse", "dose"];
        new AffineModel(1).Write(this["table-model"], schema: new TabularSchema
        {
            Columns = [.. columns.Select(name => new TabularColumn { Name = name, Kind = ColumnKind.Numeric })],
        });
        Spoil("tampered", "encoder.onnx", bytes => [.. bytes[..^1], (byte)(bytes[^1] ^ 1)]);
        Spoil("shortened", "decoder.onnx", bytes => bytes[..^CutBytes]);
        Spoil("climbing", ModelManifest.FileName, bytes => Text(bytes, "\"card.md\"", "\"../card.md\""));
        Spoil("mistyped", ModelManifest.FileName, bytes => Text(bytes, "\"z_size\": 3", "\"z_size\": \"three\""));
        Spoil("misspelt", ModelManifest.FileName, bytes => Text(bytes, "\"z_size\"", "\"z_sise\""));
        Copy(this["model"], this["incomplete"]);
        File.Delete(Path.Combine(this["incomplete"], "card.md"));
        Copy(this["model"], this["stowaway"]);
        File.WriteAllText(Path.Combine(this["stowaway"], "run.sh"), "echo\n");

        void Spoil(string name, string file, Func<byte[], byte[]> spoil)
        {
            Copy(this["model"], this[name]);
            var path = Path.Combine(this[name], file);
            File.WriteAllBytes(path, spoil(File.ReadAllBytes(path)));
        }
    }

    void WriteStore()
    {
        var store = new ModelStore(this["models"]);
        var published = store.Publish(this["model"]);
        store.Promote(published.Name, published.Version);
    }

    void WriteDownstream()
    {
        var plan = FitPlan.Create(Path.Combine(Committed, "embeddings.jsonl"), null, 0.25, null, 1);
        DownstreamModel.Fit(plan, _ => { }, CancellationToken.None).Save(this["fitted"]);
        Copy(this["fitted"], this["torn"]);
        var clusters = Path.Combine(this["torn"], DownstreamModel.ClustersFile);
        File.WriteAllBytes(clusters, File.ReadAllBytes(clusters)[..^CutBytes]);
        Copy(this["fitted"], this["half"]);
        File.Delete(Path.Combine(this["half"], DownstreamModel.ClassifierFile));
    }

    /// <summary>A run as the trainer leaves it: what the rows spoil in it was right before.</summary>
    void WriteRuns()
    {
        Mim("train", "--dataset.name", "toy4", "--dataset.rows_per_epoch", "128", "--network.hidden", "[4]", "--network.z", "2",
            "--trainer.epochs", "1", "--trainer.warmup_epochs", "0", "--out", this["run"]);
        Copy(this["run"], this["unmeasured-run"]);
        Mim("evaluate", "--run", this["run"], "--importance-samples", "1");
        Copy(this["run"], this["torn-run"]);
        foreach (var checkpoint in Directory.EnumerateFiles(Path.Combine(this["torn-run"], "checkpoints"), "*.npz"))
        {
            File.WriteAllBytes(checkpoint, File.ReadAllBytes(checkpoint)[..^CutBytes]);
        }
        Copy(this["run"], this["odd-run"]);
        var config = Path.Combine(this["odd-run"], "config.json");
        File.WriteAllText(config, File.ReadAllText(config).Replace("\"hidden\"", "\"hiden\"", StringComparison.Ordinal));
    }

    static void Mim(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Mim.Training.dll"), .. arguments]) { RedirectStandardOutput = true };
        using var process = Process.Start(start) ?? throw new InvalidOperationException("dotnet does not start.");
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(ExitCode.Done, process.ExitCode);
    }

    static byte[] Text(byte[] bytes, string old, string replacement)
    {
        var text = Encoding.UTF8.GetString(bytes);
        Assert.Contains(old, text, StringComparison.Ordinal);
        return Encoding.UTF8.GetBytes(text.Replace(old, replacement, StringComparison.Ordinal));
    }

    static string FindCheckout([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here) ?? "", "..", ".."));

    string this[string name] => Path.Combine(_folder, name);
}
