using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Mim.Inference;

/// <summary>
/// Processes of one server that belongs to this run alone: in a folder of its own, on free ports of the loopback, and as nobody where this process
/// is root.
/// </summary>
sealed class PrivateServer : IAsyncDisposable
{
    public const int Interrupt = 2;
    public const int Quit = 3;
    public const int Terminate = 15;

    /// <summary>Debian's and everybody's id of nobody and nogroup.</summary>
    const string Nobody = "65534";

    /// <summary>A server that takes longer to end is killed.</summary>
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    readonly List<Process> _processes = [];

    public PrivateServer(string name)
    {
        Folder = Directory.CreateTempSubdirectory($"mim-{name}-").FullName;
        Own();
    }

    public string Folder { get; }

    static bool IsRoot => EffectiveUser() == 0;

    /// <summary>A port of the loopback that nobody listens on now.</summary>
    public static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>Writes a file of the server's.</summary>
    /// <returns>Its path.</returns>
    public string Write(string name, string text)
    {
        var path = Path.Combine(Folder, name);
        File.WriteAllText(path, text);
        Own();
        return path;
    }

    /// <summary>Starts a program; what it says goes into output.log.</summary>
    public Process Start(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        string[] command = ["/bin/sh", "-c", "exec \"$@\" >>output.log 2>&1 </dev/null", "sh", program, .. arguments];
        var whole = IsRoot ? ["setpriv", $"--reuid={Nobody}", $"--regid={Nobody}", "--clear-groups", "--no-new-privs", .. command] : command;
        ProcessStartInfo start = new(whole[0], whole[1..]) { WorkingDirectory = Folder };
        start.Environment.Clear();
        start.Environment["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin";
        start.Environment["HOME"] = Folder;
        start.Environment["LC_ALL"] = "C.UTF-8";
        foreach (var (key, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[key] = value;
        }
        var process = Process.Start(start) ?? throw new InvalidOperationException($"{program} does not start.");
        _processes.Add(process);
        return process;
    }

    /// <summary>Processor time of what runs now, with its descendants, in seconds.</summary>
    public double ProcessorSeconds => _processes.Where(process => !process.HasExited).Sum(process => ProcessTree.ProcessorSeconds(process.Id));

    /// <summary>Waits until the server answers, or ends.</summary>
    /// <param name="isUp">Whether it answers; an exception is a no.</param>
    public async Task WaitAsync(Process process, Func<Task> isUp, Func<Exception, bool> isDown, TimeSpan patience, CancellationToken cancellationToken)
    {
        for (var start = Stopwatch.GetTimestamp(); ;)
        {
            try
            {
                await isUp();
                return;
            }
            catch (Exception e) when (isDown(e) && !cancellationToken.IsCancellationRequested)
            {
                if (process.HasExited || Stopwatch.GetElapsedTime(start) > patience)
                {
                    throw new InvalidOperationException(
                        $"{process.StartInfo.ArgumentList[^1]}: a private server {(process.HasExited ? "ended" : "did not answer")}: {e.Message} Its last words:\n{LastWords()}", e);
                }
            }
            await Task.Delay(TimeSpan.FromMilliseconds(100), cancellationToken);
        }
    }

    /// <summary>Sends a signal and waits for the process to end.</summary>
    public static async Task EndAsync(Process process, int signal)
    {
        if (!process.HasExited)
        {
            _ = Signal(process.Id, signal);
            try
            {
                await process.WaitForExitAsync().WaitAsync(s_patience);
            }
            catch (TimeoutException)
            {
                process.Kill(entireProcessTree: true);
                await process.WaitForExitAsync();
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        // Latest first: what was started for others to use ends after them.
        foreach (var process in Enumerable.Reverse(_processes))
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
                await process.WaitForExitAsync();
            }
            process.Dispose();
        }
        try
        {
            Directory.Delete(Folder, recursive: true);
        }
        catch (IOException)
        {
            // A grandchild that is still ending writes its last file: the system's temporary folder keeps it.
        }
    }

    string LastWords()
    {
        var log = Path.Combine(Folder, "output.log");
        return File.Exists(log) ? string.Join('\n', File.ReadLines(log).TakeLast(10)) : "(none)";
    }

    void Own()
    {
        if (IsRoot)
        {
            using var chown = Process.Start("chown", ["-R", $"{Nobody}:{Nobody}", Folder]);
            chown.WaitForExit();
        }
    }

    [DllImport("libc", EntryPoint = "kill")]
    internal static extern int Signal(int process, int signal);

    [DllImport("libc", EntryPoint = "geteuid")]
    static extern uint EffectiveUser();
}
