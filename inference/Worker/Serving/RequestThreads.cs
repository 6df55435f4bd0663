using System.Globalization;
using System.Runtime.InteropServices;

namespace Mim.Inference;

/// <summary>
/// The threads that read and answer requests. The runtime's pool begins with one thread less than there are processors, because the inference thread wants one,
/// and takes more as long as they answer more. Left to itself it begins with one for each and wakes another whenever one finds work; on two processors that one
/// takes the processor from the thread that woke it, finds nothing left and sleeps again.
/// </summary>
static class RequestThreads
{
    const string Pool = "System.Threading.ThreadPool.";
    const string MinThreads = Pool + "MinThreads";
    const string Variables = "DOTNET_ThreadPool_Force";
    const string Tasks = "/proc/self/task";

    /// <summary>What the runtime calls its threads that wait for all sockets.</summary>
    const string OfSockets = ".NET Sockets";

    /// <summary>SCHED_OTHER and SCHED_BATCH.</summary>
    const int Usual = 0, Batch = 3;

    /// <summary>Longer than it takes until the first listener has asked for a connection, which is when the runtime makes its threads for sockets.</summary>
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(20);

    /// <summary>How many threads the pool has at least whenever there is work for them.</summary>
    public static int Minimum
    {
        get
        {
            ThreadPool.GetMinThreads(out var threads, out _);
            return threads;
        }
    }

    /// <summary>To be called before anything is queued to the pool, which reads this once. Bounds that somebody has set for it stay.</summary>
    public static void Configure()
    {
        string[] variables = [Variables + "MinWorkerThreads", Variables + "MaxWorkerThreads"];
        if (AppContext.GetData(MinThreads) is null && AppContext.GetData(Pool + "MaxThreads") is null && variables.All(name => Environment.GetEnvironmentVariable(name) is null))
        {
            AppContext.SetData(MinThreads, Math.Max(1, Environment.ProcessorCount - 1));
        }
    }

    /// <summary>
    /// By default a thread that waits for sockets takes the processor from whoever is running there whenever something arrives. As a batch thread it waits for
    /// its turn, and then hears of several arrivals at once: a tenth less processor time for a request of one row. Needs Linux and no privilege; where it is
    /// forbidden, or such a thread has another policy already, nothing changes.
    /// </summary>
    /// <returns>How many threads do that now.</returns>
    public static async Task<int> GatherArrivalsAsync(CancellationToken cancellationToken)
    {
        if (!OperatingSystem.IsLinux() || !Directory.Exists(Tasks))
        {
            return 0;
        }
        using CancellationTokenSource patience = new(s_patience);
        List<int> threads = [];
        for (var before = -1; (threads.Count == 0 || threads.Count != before) && !patience.IsCancellationRequested; threads = OfName(OfSockets))
        {
            before = threads.Count;
            await Task.Delay(s_pause, cancellationToken);
        }
        var gathering = 0;
        foreach (var thread in threads)
        {
            gathering += GetScheduler(thread) == Usual && SetScheduler(thread, Batch, 0) == 0 ? 1 : 0;
        }
        return gathering;
    }

    /// <summary>On a thread of its own: a pool of few threads is not to wait for what computes or reads for seconds.</summary>
    public static Task<T> Aside<T>(Func<T> work, CancellationToken cancellationToken) =>
        Task.Factory.StartNew(work, cancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    static List<int> OfName(string name)
    {
        List<int> threads = [];
        foreach (var task in Directory.GetDirectories(Tasks))
        {
            try
            {
                if (File.ReadAllText(Path.Combine(task, "comm")).TrimEnd() == name)
                {
                    threads.Add(int.Parse(Path.GetFileName(task), CultureInfo.InvariantCulture));
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It has ended meanwhile, or is nobody's business.
            }
        }
        return threads;
    }

    [DllImport("libc", EntryPoint = "sched_getscheduler")]
    static extern int GetScheduler(int thread);

    /// <param name="priority">A structure's only member; 0 for all policies but real time.</param>
    [DllImport("libc", EntryPoint = "sched_setscheduler")]
    static extern int SetScheduler(int thread, int policy, in int priority);
}
