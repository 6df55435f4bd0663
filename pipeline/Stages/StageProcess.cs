using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Mim.Pipeline;

/// <summary>
/// One shell command of a stage as a child in a session of its own: a Ctrl-C at the terminal reaches it through us alone,
/// first as SIGINT, with time to leave a consistent state, then as SIGKILL to all that it started.
/// </summary>
public static class StageProcess
{
    const int Interrupt = 2;
    const int Kill = 9;

    static readonly TimeSpan s_grace = TimeSpan.FromSeconds(10);

    /// <summary>For the last lines of a command that ended. Whatever left its group may hold its streams open for ever.</summary>
    static readonly TimeSpan s_drain = TimeSpan.FromSeconds(2);

    /// <param name="line">Takes each line of both streams; calls do not overlap.</param>
    /// <returns>The exit code of the command itself; what it left running in the background ends with it.</returns>
    public static async Task<int> RunAsync(
        string command, string folder, IReadOnlyDictionary<string, string> environment, Action<string> line, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        // setsid replaces itself by the shell, so the process id is also the group's.
        var start = new ProcessStartInfo("setsid", ["/bin/bash", "-c", command])
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }
        using var process = new Process { StartInfo = start };
        var gate = new Lock();
        void Take(object sender, DataReceivedEventArgs e)
        {
            if (e.Data is { } text)
            {
                lock (gate)
                {
                    line(text);
                }
            }
        }
        process.OutputDataReceived += Take;
        process.ErrorDataReceived += Take;
        // WaitForExitAsync also waits for the end of both streams, which a background process holds open.
        var exited = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        process.EnableRaisingEvents = true;
        process.Exited += (_, _) => exited.TrySetResult();
        process.Start();
        process.StandardInput.Close();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        var group = -process.Id;
        try
        {
            await exited.Task.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            _ = Signal(group, Interrupt);
            try
            {
                await exited.Task.WaitAsync(s_grace, CancellationToken.None);
            }
            catch (TimeoutException)
            {
                lock (gate)
                {
                    line($"still running {s_grace.TotalSeconds} s after the interrupt: killed");
                }
            }
            throw;
        }
        finally
        {
            // What the command left behind in its group would hold files and ports of the next run.
            _ = Signal(group, Kill);
            await DrainAsync(process);
        }
        return process.ExitCode;
    }

    static async Task DrainAsync(Process process)
    {
        using var patience = new CancellationTokenSource(s_drain);
        try
        {
            await process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            // A process in a session of its own (a daemon) writes on: not ours to wait for, nor to end.
        }
    }

    [DllImport("libc", EntryPoint = "kill")]
    static extern int Signal(int process, int signal);
}
