using System.Collections.Concurrent;

namespace Mim.Inference;

/// <summary>
/// Some requests that one run has answered, whose callers go on one after the other on one thread of the pool: to wake a thread for each costs more than
/// most of them have left to do.
/// </summary>
sealed class BatchAnswers : IThreadPoolWorkItem
{
    /// <summary>Where there are many processors, as many callers as this wait for one.</summary>
    const int Most = 16;

    static readonly ConcurrentQueue<BatchAnswers> s_pool = new();

    readonly BatchRequest[] _requests = new BatchRequest[Most];
    int _count;

    /// <summary>Answers all. Whoever may block when it goes on gets a thread of its own.</summary>
    public static void Send(List<BatchRequest> requests)
    {
        BatchAnswers? together = null;
        foreach (var request in requests)
        {
            if (!request.IsBrief)
            {
                request.Succeed();
                continue;
            }
            together ??= s_pool.TryDequeue(out var pooled) ? pooled : new();
            together._requests[together._count++] = request;
            if (together._count == Most)
            {
                ThreadPool.UnsafeQueueUserWorkItem(together, preferLocal: false);
                together = null;
            }
        }
        if (together is not null)
        {
            ThreadPool.UnsafeQueueUserWorkItem(together, preferLocal: false);
        }
    }

    void IThreadPoolWorkItem.Execute()
    {
        for (var i = 0; i < _count; i++)
        {
            _requests[i].SucceedHere();
        }
        _requests.AsSpan(0, _count).Clear();
        _count = 0;
        s_pool.Enqueue(this);
    }
}
