using System.Runtime.InteropServices;
using System.Text.Json;
using Mim.Models;
using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>The scalars of a checkpoint.</summary>
public sealed record CheckpointState
{
    /// <summary>The epoch in progress, from 1.</summary>
    public required int Epoch { get; init; }

    /// <summary>Steps of that epoch already taken: the cursor in its order of rows.</summary>
    public required int StepInEpoch { get; init; }

    /// <summary>Optimiser updates since the start.</summary>
    public required long Step { get; init; }

    /// <summary>Whether training has ended, by its epochs or by patience.</summary>
    public required bool Finished { get; init; }

    /// <summary>0: none yet.</summary>
    public required int BestEpoch { get; init; }

    public required double? BestLoss { get; init; }
}

/// <summary>
/// Everything that the next step depends on, in one <c>.npz</c>: weights (<c>model/…</c>), Adam's moments (<c>adam/…</c>), the moving average of the
/// weights if there is one (<c>ema/…</c>), generator states (<c>generator/…</c>), what the current epoch has recorded (<c>history</c>) and the scalars (<c>state.json</c>). The <c>.json</c> beside it repeats
/// the scalars for people; it is never read, so the two files need not be written at once.
/// </summary>
public sealed record Checkpoint(CheckpointState State, IReadOnlyDictionary<string, NpyArray> Arrays)
{
    const string StateEntry = "state.json";

    static readonly JsonSerializerOptions s_json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public static Checkpoint Read(string path)
    {
        var arrays = Npz.Read(path);
        return arrays.TryGetValue(StateEntry, out var state)
            ? new Checkpoint(StrictJson.Read<CheckpointState>(state.Bytes, $"{path}, {StateEntry}"), arrays)
            : throw new InvalidDataException(
                $"{path}: expected a checkpoint with an entry '{StateEntry}', found {string.Join(", ", arrays.Keys.Take(5))}.");
    }

    public void Write(string path)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(State, s_json);
        var state = KeyValuePair.Create(StateEntry, NpyArray.From(json, json.Length));
        Npz.Write(path, Arrays.Where(a => a.Key != StateEntry).Append(state));
        StrictJson.Write(Path.ChangeExtension(path, ".json"), State);
    }

    /// <summary>
    /// Copies the weights that were validated into a model of the same architecture: their moving average, if the run had one.
    /// </summary>
    public void RestoreModel(Autoencoder model) => Restore(
        model.named_parameters().Select(p => (Arrays.ContainsKey(Average(p.Item1)) ? Average(p.Item1) : Weight(p.Item1), (Tensor)p.Item2))
            .Concat(Statistics(model)));

    internal static string Weight(string name) => $"model/{name}";

    internal static string Average(string name) => $"ema/{name}";

    /// <summary>The running statistics of normalisations. Their count of batches decides nothing: the momentum is fixed.</summary>
    internal static IEnumerable<(string Key, Tensor Value)> Statistics(Autoencoder model) =>
        model.named_buffers(include_nonpersistent: false).Select(b => (Weight(b.Item1), b.Item2)).Where(b => b.Item2.is_floating_point());

    /// <summary>Copies what the keys name into the tensors.</summary>
    internal void Restore(IEnumerable<(string Key, Tensor Value)> state)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        foreach (var (key, value) in state)
        {
            value.copy_(Tensor(key, value.shape));
        }
    }

    internal Tensor Tensor(string name, ReadOnlySpan<long> shape)
    {
        if (!Arrays.TryGetValue(name, out var array) || !shape.SequenceEqual(array.Shape))
        {
            throw new InvalidDataException(
                $"checkpoint of step {State.Step}: expected '{name}' of shape [{string.Join(", ", shape.ToArray())}], found "
                + (array is null ? "none." : $"[{string.Join(", ", array.Shape)}]."));
        }
        return array.Type == NpyType.UInt8 ? tensor(array.Bytes, shape) : tensor(array.ToSingle(), shape);
    }

    internal static NpyArray ToArray(Tensor tensor)
    {
        using var host = tensor.detach().cpu();
        return tensor.dtype == ScalarType.Byte
            ? NpyArray.From(host.bytes, tensor.shape)
            : NpyArray.From(MemoryMarshal.Cast<byte, float>(host.bytes), tensor.shape);
    }
}
