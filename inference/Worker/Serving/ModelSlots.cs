namespace Mim.Inference;

/// <summary>
/// The model in service and the one before it, which stays warm: its requests are answered by it, clients may still ask for its version, and a rollback
/// is the exchange of two references. No batch ever holds rows for both, because each has queues of its own.
/// </summary>
public sealed class ModelSlots
{
    sealed record Pair(LoadedModel? Current, LoadedModel? Previous);

    volatile Pair _pair = new(null, null);

    /// <summary>Null while nothing is in service.</summary>
    public LoadedModel? Current => _pair.Current;

    public LoadedModel? Previous => _pair.Previous;

    public IEnumerable<LoadedModel> All
    {
        get
        {
            var (current, previous) = _pair;
            return new[] { current, previous }.OfType<LoadedModel>();
        }
    }

    /// <summary>Puts a model in service. One writer at a time.</summary>
    /// <returns>The model that nobody can reach any longer: the one before the previous.</returns>
    internal LoadedModel? Put(LoadedModel model)
    {
        var (current, previous) = _pair;
        _pair = new(model, current ?? previous);
        return current is null ? null : previous;
    }

    /// <summary>Puts the previous model in service again.</summary>
    internal void Exchange() => _pair = new(_pair.Previous, _pair.Current);

    /// <returns>Both.</returns>
    internal IReadOnlyList<LoadedModel> Clear()
    {
        var all = All.ToList();
        _pair = new(null, null);
        return all;
    }
}
