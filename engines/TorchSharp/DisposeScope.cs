namespace TorchSharp;

public static partial class torch
{
    public static DisposeScope NewDisposeScope() => DisposeScopeManager.Current.Open();

    public static DisposeScope? CurrentDisposeScope => DisposeScopeManager.Current.Innermost;

    /// <summary>Runs <paramref name="expr"/> in a scope of its own and lets only the result out.</summary>
    public static Tensor WrappedTensorDisposeScope(Func<Tensor> expr)
    {
        using var scope = NewDisposeScope();
        return expr().MoveToOuterDisposeScope();
    }
}

/// <summary>Every thread has its own stack of dispose scopes and its own counts.</summary>
public class DisposeScopeManager
{
    [ThreadStatic]
    static DisposeScopeManager? s_current;

    public static ThreadDisposeScopeStatistics Statistics => Current.Counts;

    internal static DisposeScopeManager Current => s_current ??= new DisposeScopeManager();

    internal ThreadDisposeScopeStatistics Counts { get; } = new();

    internal DisposeScope? Innermost { get; set; }

    internal DisposeScope Open() => Innermost = new DisposeScope(this, Innermost);

    internal void Close(DisposeScope scope)
    {
        if (Innermost == scope)
        {
            Innermost = scope.Outer;
            return;
        }

        // Disposed out of order: take it out of the middle of the stack.
        for (var inner = Innermost; inner is not null; inner = inner.Outer)
        {
            if (inner.Outer == scope)
            {
                inner.Outer = scope.Outer;
                return;
            }
        }
    }
}

/// <summary>
/// Owns the tensors that were made on its thread while it was the innermost scope, and disposes them with itself. The tensors form an
/// intrusive list, so joining and leaving a scope costs no allocation and no hashing.
/// </summary>
public sealed class DisposeScope : IDisposable
{
    DisposeScopeManager? _manager;
    torch.Tensor? _first;
    torch.Tensor? _last;
    int _count;

    internal DisposeScope(DisposeScopeManager manager, DisposeScope? outer) => (_manager, Outer) = (manager, outer);

    public int DisposablesCount
    {
        get
        {
            ObjectDisposedException.ThrowIf(_manager is null, this);
            return _count;
        }
    }

    /// <summary>A snapshot of what the scope holds now.</summary>
    public IReadOnlyList<IDisposable> DisposablesView
    {
        get
        {
            ObjectDisposedException.ThrowIf(_manager is null, this);
            return [.. Tensors()];
        }
    }

    internal DisposeScope? Outer { get; set; }

    public bool Contains(IDisposable disposable) => disposable is torch.Tensor tensor && tensor.Scope == this;

    public T MoveToOuter<T>(T disposable) where T : IDisposable => MoveToOther(Outer, disposable);

    public (T1 first, T2 second) MoveToOuter<T1, T2>(T1 first, T2 second) where T1 : IDisposable where T2 : IDisposable =>
        MoveToOther(Outer, first, second);

    public (T1 first, T2 second, T3 third) MoveToOuter<T1, T2, T3>(T1 first, T2 second, T3 third)
        where T1 : IDisposable where T2 : IDisposable where T3 : IDisposable => MoveToOther(Outer, first, second, third);

    public void MoveToOuter(params IDisposable[] disposables) => MoveToOther(Outer, (IEnumerable<IDisposable>)disposables);

    public void MoveToOuter(IEnumerable<IDisposable> disposables) => MoveToOther(Outer, disposables);

    public T MoveToOther<T>(DisposeScope? scope, T disposable) where T : IDisposable
    {
        Move(scope, disposable);
        return disposable;
    }

    public (T1 first, T2 second) MoveToOther<T1, T2>(DisposeScope? scope, T1 first, T2 second)
        where T1 : IDisposable where T2 : IDisposable => (MoveToOther(scope, first), MoveToOther(scope, second));

    public (T1 first, T2 second, T3 third) MoveToOther<T1, T2, T3>(DisposeScope? scope, T1 first, T2 second, T3 third)
        where T1 : IDisposable where T2 : IDisposable where T3 : IDisposable =>
        (MoveToOther(scope, first), MoveToOther(scope, second), MoveToOther(scope, third));

    public void MoveToOther(DisposeScope? scope, params IDisposable[] disposables) =>
        MoveToOther(scope, (IEnumerable<IDisposable>)disposables);

    public void MoveToOther(DisposeScope? scope, IEnumerable<IDisposable> disposables)
    {
        foreach (var disposable in disposables)
        {
            Move(scope, disposable);
        }
    }

    public T Detach<T>(T disposable) where T : IDisposable
    {
        Move(null, disposable);
        return disposable;
    }

    public (T1 first, T2 second) Detach<T1, T2>(T1 first, T2 second) where T1 : IDisposable where T2 : IDisposable =>
        (Detach(first), Detach(second));

    public (T1 first, T2 second, T3 third) Detach<T1, T2, T3>(T1 first, T2 second, T3 third)
        where T1 : IDisposable where T2 : IDisposable where T3 : IDisposable => (Detach(first), Detach(second), Detach(third));

    public void Detach(params IDisposable[] disposables) => Detach((IEnumerable<IDisposable>)disposables);

    public void Detach(IEnumerable<IDisposable> disposables) => MoveToOther(null, disposables);

    public void Attach(IDisposable disposable)
    {
        ObjectDisposedException.ThrowIf(_manager is null, this);
        if (disposable is not torch.Tensor tensor)
        {
            throw new InvalidOperationException("DisposeScope can only manage Tensor or PackedSequence");
        }

        if (tensor.Scope == this)
        {
            return;
        }

        tensor.Scope?.Remove(tensor);
        Add(tensor);
        _manager.Counts.TensorStatistics.AttachedToScopeCount++;
    }

    public void Attach(params IDisposable[] disposables) => Attach((IEnumerable<IDisposable>)disposables);

    public IReadOnlyList<IDisposable> Attach(IEnumerable<IDisposable> disposables)
    {
        List<IDisposable> attached = [.. disposables];
        attached.ForEach(Attach);
        return attached;
    }

    public void DisposeEverything()
    {
        ObjectDisposedException.ThrowIf(_manager is null, this);
        while (_first is not null)
        {
            _first.Dispose();
        }
    }

    public void DisposeEverythingBut(IEnumerable<IDisposable> inKeep)
    {
        ObjectDisposedException.ThrowIf(_manager is null, this);
        var keep = new HashSet<IDisposable>(inKeep, ReferenceEqualityComparer.Instance);
        foreach (var tensor in Tensors().Where(tensor => !keep.Contains(tensor)).ToList())
        {
            tensor.Dispose();
        }
    }

    public void DisposeEverythingBut(params IDisposable[] keep) => DisposeEverythingBut((IEnumerable<IDisposable>)keep);

    public T DisposeEverythingBut<T>(T keep) where T : IDisposable
    {
        DisposeEverythingBut((IEnumerable<IDisposable>)[keep]);
        return keep;
    }

    public (T1 first, T2 second) DisposeEverythingBut<T1, T2>(T1 first, T2 second) where T1 : IDisposable where T2 : IDisposable
    {
        DisposeEverythingBut((IEnumerable<IDisposable>)[first, second]);
        return (first, second);
    }

    public (T1 first, T2 second, T3 third) DisposeEverythingBut<T1, T2, T3>(T1 first, T2 second, T3 third)
        where T1 : IDisposable where T2 : IDisposable where T3 : IDisposable
    {
        DisposeEverythingBut((IEnumerable<IDisposable>)[first, second, third]);
        return (first, second, third);
    }

    public void MarkAsDisposed(IDisposable disposable)
    {
        ObjectDisposedException.ThrowIf(_manager is null, this);
        if (disposable is torch.Tensor tensor && tensor.Scope == this)
        {
            Remove(tensor);
        }
    }

    public void Dispose()
    {
        if (_manager is null)
        {
            return;
        }

        DisposeEverything();
        _manager.Close(this);
        _manager = null;
    }

    internal void Add(torch.Tensor tensor)
    {
        tensor.Scope = this;
        tensor.Previous = _last;
        if (_last is null)
        {
            _first = tensor;
        }
        else
        {
            _last.Next = tensor;
        }

        _last = tensor;
        _count++;
    }

    internal void Remove(torch.Tensor tensor)
    {
        if (tensor.Previous is null)
        {
            _first = tensor.Next;
        }
        else
        {
            tensor.Previous.Next = tensor.Next;
        }

        if (tensor.Next is null)
        {
            _last = tensor.Previous;
        }
        else
        {
            tensor.Next.Previous = tensor.Previous;
        }

        tensor.Scope = null;
        tensor.Previous = tensor.Next = null;
        _count--;
    }

    void Move(DisposeScope? scope, IDisposable disposable)
    {
        ObjectDisposedException.ThrowIf(_manager is null, this);
        if (disposable is not torch.Tensor tensor || tensor.Scope != this || scope == this)
        {
            return;
        }

        Remove(tensor);
        if (scope is null)
        {
            _manager.Counts.TensorStatistics.DetachedFromScopeCount++;
        }
        else
        {
            scope.Add(tensor);
        }
    }

    IEnumerable<torch.Tensor> Tensors()
    {
        for (var tensor = _first; tensor is not null; tensor = tensor.Next)
        {
            yield return tensor;
        }
    }
}

public class ThreadDisposeScopeStatistics
{
    public LifetimeStatistics TensorStatistics { get; } = new();

    public LifetimeStatistics PackedSequenceStatistics { get; } = new();

    public long CreatedOutsideScopeCount => TensorStatistics.CreatedOutsideScopeCount + PackedSequenceStatistics.CreatedOutsideScopeCount;
    public long DisposedOutsideScopeCount =>
        TensorStatistics.DisposedOutsideScopeCount + PackedSequenceStatistics.DisposedOutsideScopeCount;
    public long CreatedInScopeCount => TensorStatistics.CreatedInScopeCount + PackedSequenceStatistics.CreatedInScopeCount;
    public long DisposedInScopeCount => TensorStatistics.DisposedInScopeCount + PackedSequenceStatistics.DisposedInScopeCount;
    public long AttachedToScopeCount => TensorStatistics.AttachedToScopeCount + PackedSequenceStatistics.AttachedToScopeCount;
    public long DetachedFromScopeCount => TensorStatistics.DetachedFromScopeCount + PackedSequenceStatistics.DetachedFromScopeCount;
    public long ThreadTotalLiveCount => TensorStatistics.ThreadTotalLiveCount + PackedSequenceStatistics.ThreadTotalLiveCount;

    public void Reset()
    {
        TensorStatistics.Reset();
        PackedSequenceStatistics.Reset();
    }

    public override string ToString() =>
        $"live {ThreadTotalLiveCount}; created {CreatedInScopeCount} in and {CreatedOutsideScopeCount} outside scopes; " +
        $"disposed {DisposedInScopeCount} in and {DisposedOutsideScopeCount} outside; " +
        $"attached {AttachedToScopeCount}; detached {DetachedFromScopeCount}";
}

/// <summary>Counts of one thread. A tensor disposed on another thread than it was made on (a finalizer's) is counted there.</summary>
public class LifetimeStatistics
{
    public long CreatedOutsideScopeCount { get; internal set; }

    public long DisposedOutsideScopeCount { get; internal set; }

    public long CreatedInScopeCount { get; internal set; }

    public long DisposedInScopeCount { get; internal set; }

    public long AttachedToScopeCount { get; internal set; }

    public long DetachedFromScopeCount { get; internal set; }

    public long ThreadTotalLiveCount => CreatedInScopeCount - DisposedInScopeCount + CreatedOutsideScopeCount - DisposedOutsideScopeCount;

    public void Reset()
    {
        CreatedOutsideScopeCount = DisposedOutsideScopeCount = 0;
        CreatedInScopeCount = DisposedInScopeCount = 0;
        AttachedToScopeCount = DetachedFromScopeCount = 0;
    }

    public override string ToString() =>
        $"live {ThreadTotalLiveCount}; created {CreatedInScopeCount} in and {CreatedOutsideScopeCount} outside scopes; " +
        $"disposed {DisposedInScopeCount} in and {DisposedOutsideScopeCount} outside; " +
        $"attached {AttachedToScopeCount}; detached {DetachedFromScopeCount}";
}
