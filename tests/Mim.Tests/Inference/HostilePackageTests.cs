using Mim.Inference;
using Mim.Models;

namespace Mim.Tests.Inference;

[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class SessionCount
{
    // The counter is the process's: no other test may make sessions meanwhile.
    public const string Name = "session count";
}

[Collection(SessionCount.Name)]
public sealed class HostilePackageTests
{
    public static TheoryData<string, Action<string>> Defects => new()
    {
        { "a flipped bit in a weight", folder => Change(folder, "encoder.onnx", bytes => bytes[^30] ^= 1) },
        { "a truncated graph", folder => File.WriteAllBytes(Path.Combine(folder, "encoder.onnx"), File.ReadAllBytes(Path.Combine(folder, "encoder.onnx"))[..^10]) },
        { "a graph replaced by text", folder => File.WriteAllText(Path.Combine(folder, "decoder.onnx"), "not a graph") },
        { "a missing golden", folder => File.Delete(Path.Combine(folder, "golden", "64.z_mean.npy")) },
        { "a changed golden", folder => Change(folder, "golden/7.x.npy", bytes => bytes[^1] ^= 1) },
        { "a file that nobody listed", folder => File.WriteAllText(Path.Combine(folder, "extra.bin"), "x") },
        { "a link out of the folder", folder => File.CreateSymbolicLink(Path.Combine(folder, "link.onnx"), "/etc/passwd") },
        { "a manifest that is not JSON", folder => File.WriteAllText(Path.Combine(folder, "manifest.json"), "{") },
    };

    [Theory]
    [MemberData(nameof(Defects))]
    public async Task A_hostile_package_is_refused_before_any_session_exists(string name, Action<string> plant)
    {
        using var folder = new TestFolder();
        new AffineModel(seed: 2).Write(folder["package"]);
        plant(folder["package"]);
        Npy.Write(folder["x.npy"], NpyArray.From(AffineModel.Rows(3, AffineModel.X, 1), 3, AffineModel.X));
        var before = OnnxModel.SessionsConstructed;
        await Assert.ThrowsAsync<InvalidDataException>(() => VerifyTests.RunAsync(VerifyCommand.Create(), folder["package"]));
        await Assert.ThrowsAsync<InvalidDataException>(
            () => VerifyTests.RunAsync(EncodeCommand.Create(), "--model", folder["package"], "--in", folder["x.npy"], "--out", folder["z.npy"]));
        Assert.True(before == OnnxModel.SessionsConstructed, name);
        Assert.DoesNotContain("z.npy", folder.Names);
    }

    static void Change(string folder, string file, Action<byte[]> change)
    {
        var path = Path.Combine(folder, file);
        var bytes = File.ReadAllBytes(path);
        change(bytes);
        File.WriteAllBytes(path, bytes);
    }
}
