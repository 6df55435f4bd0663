namespace Mim.Inference;

/// <summary>
/// The threads that read and answer requests: the runtime's pool, which begins with one thread less than there are processors, because the inference thread
/// keeps one busy, and takes more as long as they answer more. By default it begins with one for each processor and wakes one for every other piece of work;
/// on two processors each awakened one takes the processor from the thread that woke it, finds nothing left and sleeps again. What takes long runs aside.
/// </summary>
static class RequestThreads
{
    const string MinThreads = "System.Threading.ThreadPool.MinThreads";

    /// <summary>
    /// To be called before anything is queued to the pool, which reads this once. What the operator has configured stays.
    /// </summary>
    public static void Configure()
    {
        if (AppContext.GetData(MinThreads) is null)
        {
            AppContext.SetData(MinThreads, Count(Environment.ProcessorCount));
        }
    }

    public static int Count(int processors) => Math.Max(1, processors - 1);

    /// <summary>How many the pool has at least whenever there is work for them.</summary>
    public static int Configured
    {
        get
        {
            ThreadPool.GetMinThreads(out var threads, out _);
            return threads;
        }
    }

    /// <summary>On a thread of its own: a pool of few threads is not to wait for what computes or reads for seconds.</summary>
    public static Task<T> Aside<T>(Func<T> work, CancellationToken cancellationToken) =>
        Task.Factory.StartNew(work, cancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
