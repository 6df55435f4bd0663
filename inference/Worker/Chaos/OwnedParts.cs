namespace Mim.Inference;

/// <summary>What was started so far: it ends together, latest first, each part even if the end of another fails.</summary>
public sealed class OwnedParts : IAsyncDisposable
{
    readonly Stack<Func<ValueTask>> _ends = new();

    public T Add<T>(T part)
        where T : IAsyncDisposable
    {
        _ends.Push(part.DisposeAsync);
        return part;
    }

    public void Add(Action end) => _ends.Push(() =>
    {
        end();
        return ValueTask.CompletedTask;
    });

    public async ValueTask DisposeAsync()
    {
        if (_ends.TryPop(out var end))
        {
            try
            {
                await end();
            }
            finally
            {
                await DisposeAsync();
            }
        }
    }
}
