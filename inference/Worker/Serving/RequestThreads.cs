using System.Globalization;
using System.Runtime.InteropServices;

namespace Mim.Inference;

/// <summary>
/// The threads that read and answer requests: the runtime's pool, which begins with one thread less than there are processors, because the inference thread
/// keeps one busy, and takes more as long as they answer more. By default it begins with one for each processor and wakes one for every other piece of work;
/// on two processors each awakened one takes the processor from the thread that woke it, finds nothing left and sleeps again. What takes long runs aside.
/// </summary>
static class RequestThreads
{
    const string Tasks = "/proc/self/task";

    /// <summary>What the runtime calls its threads that wait for all sockets.</summary>
    const string OfSockets = ".NET Sockets";

    /// <summary>SCHED_BATCH.</summary>
    const int Batch = 3;

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

    /// <summary>
    /// By default a thread that waits for sockets takes the processor from whoever is running there whenever something arrives. As a batch thread it waits for
    /// its turn, and then hears of several arrivals at once: a tenth less processor time for a request of one row. Needs Linux and no privilege; where it is
    /// forbidden, nothing changes.
    /// </summary>
    /// <returns>How many threads do; the runtime makes them for the first socket.</returns>
    public static int GatherArrivals() => OperatingSystem.IsLinux()
        ? Directory.EnumerateDirectories(Tasks).Count(task => NameOf(task) == OfSockets && SetScheduler(int.Parse(Path.GetFileName(task), CultureInfo.InvariantCulture), Batch, 0) == 0)
        : 0;

    /// <summary>On a thread of its own: a pool of few threads is not to wait for what computes or reads for seconds.</summary>
    public static Task<T> Aside<T>(Func<T> work, CancellationToken cancellationToken) =>
        Task.Factory.StartNew(work, cancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    static string? NameOf(string task)
    {
        try
        {
            return File.ReadAllText(Path.Combine(task, "comm")).TrimEnd();
        }
        catch (IOException)
        {
            // It has ended meanwhile.
            return null;
        }
    }

    /// <param name="priority">Of a structure with this one member; 0 for all policies but real time.</param>
    [DllImport("libc", EntryPoint = "sched_setscheduler")]
    static extern int SetScheduler(int thread, int policy, in int priority);
}
