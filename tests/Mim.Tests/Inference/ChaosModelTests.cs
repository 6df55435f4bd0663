using System.Text.Json;
using Microsoft.ML.OnnxRuntime;
using Mim.Inference;
using Mim.Models;
using Mim.Tests.Contract;

namespace Mim.Tests.Inference;

public sealed class ChaosModelTests : IDisposable
{
    const int Good = 2000;

    readonly TemporaryFolder _folder = new();
    readonly ChaosModel _model = new(seed: 1);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_engine_throws_for_a_batch_with_its_poison_and_embeds_the_rest_of_it()
    {
        _model.Write(_folder["package"], seed: 1);
        using var encoder = OnnxModel.Encoder(ModelPackage.Open(_folder["package"]), 4, new EngineOptions(1, Device.Cpu));
        ChaosRecords records = new(seed: 1, Good, _model);
        var poison = Bodies(records, "the engine failed: ").Select(body => JsonSerializer.Deserialize<JsonElement>(body).GetProperty("x").Deserialize<float[]>()!).First();
        float[] good = [.. Enumerable.Range(0, 3 * ChaosModel.X).Select(i => (i % 8) - 4f)];

        Assert.Throws<OnnxRuntimeException>(() => encoder.RunAll([.. good, .. poison], 4));

        var z = encoder.RunAll(good, 3)[0];
        var expected = new double[ChaosModel.Z];
        for (var row = 0; row < 3; row++)
        {
            _model.Encode(good.AsSpan(row * ChaosModel.X, ChaosModel.X), expected);
            for (var j = 0; j < ChaosModel.Z; j++)
            {
                // float32: 21 terms of at most 4 are off by at most 21 · 2⁻²⁴ · 84.
                Assert.Equal(expected[j], z[(row * ChaosModel.Z) + j], 1.1e-4);
            }
        }
    }

    [Fact]
    public void Every_kind_of_poison_is_among_the_records_with_a_reason_of_its_own()
    {
        ChaosRecords records = new(seed: 1, Good, _model);
        var reasons = Enumerable.Range(0, records.Count).Where(records.IsPoison).Select(records.Reason).ToHashSet();
        Assert.Equal(6, reasons.Count);
    }

    static IEnumerable<byte[]> Bodies(ChaosRecords records, string reason) =>
        Enumerable.Range(0, records.Count).Where(record => records.IsPoison(record) && records.Reason(record) == reason).Select(records.Body);
}
