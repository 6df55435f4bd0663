using System.Globalization;

namespace Mim.Inference;

/// <summary>Rows, rate and time left on stderr: one line that is rewritten on a terminal, one line an interval elsewhere.</summary>
sealed class Progress(string what, TextWriter output, bool terminal, TimeProvider time)
{
    static readonly TimeSpan s_terminalInterval = TimeSpan.FromMilliseconds(200);
    static readonly TimeSpan s_lineInterval = TimeSpan.FromSeconds(10);

    readonly long _start = time.GetTimestamp();
    TimeSpan _reported;

    public TimeSpan Elapsed => time.GetElapsedTime(_start);

    public static Progress To(TextWriter output, string what) => new(what, output, output == Console.Error && !Console.IsErrorRedirected, TimeProvider.System);

    public void Report(long rows, long? total)
    {
        var elapsed = Elapsed;
        if (elapsed - _reported < (terminal ? s_terminalInterval : s_lineInterval))
        {
            return;
        }
        _reported = elapsed;
        var rate = rows / elapsed.TotalSeconds;
        var text = total is { } all
            ? string.Create(CultureInfo.InvariantCulture,
                $"{what}  {rows:N0} of {all:N0} rows  {Rate(rate)}  {TimeSpan.FromSeconds((all - rows) / rate):hh\\:mm\\:ss} left")
            : string.Create(CultureInfo.InvariantCulture, $"{what}  {rows:N0} rows  {Rate(rate)}");
        output.Write(terminal ? $"\r{text,-100}" : text + "\n");
    }

    /// <summary>The last word; <paramref name="elapsed"/> is the caller's, so that every report of a run gives the same.</summary>
    public void End(long rows, TimeSpan elapsed)
    {
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{(terminal ? "\r" : "")}{$"{what}  {rows:N0} rows in {elapsed.TotalSeconds:F2} s  {Rate(rows / elapsed.TotalSeconds)}",-100}").TrimEnd());
    }

    static string Rate(double rate) => string.Create(CultureInfo.InvariantCulture, $"{rate / 1000:F1} k rows/s");
}
