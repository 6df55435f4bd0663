using System.Text;
using Mim.Inference;
using Mim.Models;

namespace Mim.Tests.Contract;

/// <summary>
/// 100,000 seeded mutations: whatever the bytes, a reader answers or refuses with <see cref="InvalidDataException"/>, in bounded memory, and no engine
/// sees any. Runs with the hostile packages, alone: the counter of sessions is the process's.
/// </summary>
[Collection(nameof(HostileCorpusTests))]
public sealed class MutationTests
{
    const int Chunks = 10;
    const int PerChunk = 10_000;

    /// <summary>One round in 20 goes through a package on the disk, which costs a hundred times as much as memory.</summary>
    const int OpenEvery = 100;

    /// <summary>The inputs are a few KiB; a reader that trusts a length allocates megabytes at once.</summary>
    const long MaxBytesPerRead = 1 << 20;

    static readonly byte[] s_insertedNumber = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F];

    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, Chunks)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Mutated_bytes_are_read_or_refused_and_nothing_else(int seed)
    {
        using var folder = new TemporaryFolder();
        SamplePackage.Copy(folder["package"]);
        var (encoder, manifest) = (File.ReadAllBytes(folder["package/encoder.onnx"]), File.ReadAllBytes(folder["package/manifest.json"]));
        var listed = ModelManifest.Parse(manifest, "manifest.json").Files.Single(file => file.Path == ModelPackage.EncoderFile);
        var sessions = OnnxModel.SessionsConstructed;
        (byte[] Valid, Action<byte[]> Read, Action<byte[]>? Open)[] readers =
        [
            (encoder, bytes => OnnxScanner.Scan(bytes, "encoder.onnx"), OpenWithEncoder),
            (encoder, bytes => SpaceId.Compute(bytes, SamplePackage.Manifest.Preprocessing), null),
            (manifest, bytes => ModelManifest.Parse(bytes, "manifest.json"), OpenWithManifest),
            (File.ReadAllBytes(folder["package/golden/7.x.npy"]), bytes => Npy.Read(bytes, "x.npy"), null),
            (Archive(folder["weights.npz"]), bytes => Npz.Read(new MemoryStream(bytes), "weights.npz"), null),
        ];
        var random = new Random(seed);
        var refused = 0;
        for (var i = 0; i < PerChunk; i++)
        {
            var (valid, read, open) = readers[i % readers.Length];
            var mutated = Mutate(valid, random);
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                (i % OpenEvery < readers.Length ? open ?? read : read)(mutated);
            }
            catch (InvalidDataException)
            {
                refused++;
            }
            Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < MaxBytesPerRead, $"mutation {i} of seed {seed} allocated too much");
        }
        // Flips inside weights and numbers are valid files of their kind; most others are not.
        Assert.InRange(refused, PerChunk / 4, PerChunk - 1);
        Assert.Equal(sessions, OnnxModel.SessionsConstructed);

        void OpenWithManifest(byte[] bytes)
        {
            File.WriteAllBytes(folder["package/encoder.onnx"], encoder);
            File.WriteAllBytes(folder["package/manifest.json"], bytes);
            ModelPackage.Open(folder["package"]);
        }

        // The manifest agrees with the mutated bytes, so that the hash is no help.
        void OpenWithEncoder(byte[] bytes)
        {
            File.WriteAllBytes(folder["package/encoder.onnx"], bytes);
            File.WriteAllText(folder["package/manifest.json"], Encoding.UTF8.GetString(manifest)
                .Replace(listed.Sha256, Hashes.Sha256(bytes), StringComparison.Ordinal)
                .Replace($"\"size\": {listed.Size}", $"\"size\": {bytes.Length}", StringComparison.Ordinal));
            ModelPackage.Open(folder["package"]);
        }
    }

    [Fact]
    public void A_mutated_package_with_an_unchanged_manifest_is_always_refused()
    {
        using var folder = new TemporaryFolder();
        SamplePackage.Copy(folder["package"]);
        var random = new Random(1);
        foreach (var path in new[] { "encoder.onnx", "decoder.onnx", "golden/64.z_mean.npy", "card.md" })
        {
            var file = folder["package/" + path];
            var valid = File.ReadAllBytes(file);
            for (var i = 0; i < 50; i++)
            {
                File.WriteAllBytes(file, Mutate(valid, random));
                var refusal = Assert.Throws<InvalidDataException>(() => ModelPackage.Open(folder["package"]));
                Assert.Contains(Path.GetFileName(path), refusal.Message, StringComparison.Ordinal);
            }
            File.WriteAllBytes(file, valid);
        }
        ModelPackage.Open(folder["package"]);
    }

    static byte[] Archive(string path)
    {
        Npz.Write(path, [new("w", NpyArray.From([1f, 2f, 3f], 3)), new("n", NpyArray.From([7L], 1))]);
        return File.ReadAllBytes(path);
    }

    /// <summary>One to four of: a flipped bit, another byte, a cut, a splice of a part elsewhere, an inserted number, a deleted part. Never the bytes as they were.</summary>
    static byte[] Mutate(byte[] valid, Random random)
    {
        while (true)
        {
            List<byte> bytes = [.. valid];
            for (var i = random.Next(1, 5); i > 0 && bytes.Count > 1; i--)
            {
                var at = random.Next(bytes.Count);
                switch (random.Next(6))
                {
                    case 0:
                        bytes[at] ^= (byte)(1 << random.Next(8));
                        break;
                    case 1:
                        bytes[at] = (byte)random.Next(256);
                        break;
                    case 2:
                        bytes.RemoveRange(at, bytes.Count - at);
                        break;
                    case 3:
                        var start = random.Next(valid.Length);
                        bytes.InsertRange(at, valid[start..Math.Min(valid.Length, start + random.Next(1, 64))]);
                        break;
                    case 4:
                        bytes.InsertRange(at, s_insertedNumber);
                        break;
                    default:
                        bytes.RemoveRange(at, Math.Min(bytes.Count - at, random.Next(1, 16)));
                        break;
                }
            }
            if (!valid.AsSpan().SequenceEqual(bytes.ToArray()))
            {
                return [.. bytes];
            }
        }
    }
}
