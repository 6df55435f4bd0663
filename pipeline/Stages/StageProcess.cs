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

    /// <param name="line">Takes each line of both streams; calls do not overlap.</param>
    /// <returns>The exit code.</returns>
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
        process.Start();
        process.StandardInput.Close();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        var group = -process.Id;
        try
        {
            await process.WaitForExitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            _ = Signal(group, Interrupt);
            using var patience = new CancellationTokenSource(s_grace);
            try
            {
                await process.WaitForExitAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                line($"still running {s_grace.TotalSeconds} s after the interrupt: killed");
            }
            throw;
        }
        finally
        {
            // What the command left behind in its group would hold files and ports of the next run.
            _ = Signal(group, Kill);
        }
        return process.ExitCode;
    }

    [DllImport("libc", EntryPoint = "kill")]
    static extern int Signal(int process, int signal);
}
