using System.Globalization;

namespace Mim.Inference;

/// <summary>What a run of <c>bench serve</c> found.</summary>
/// <param name="Other">The bare loop, or the peer.</param>
/// <param name="Throughput">Rows a second by the clock, ours / other.</param>
/// <param name="Efficiency">Rows a processor-second, ours / other.</param>
/// <param name="ResidentMiB">Of the server at the end.</param>
public sealed record ServeBenchResult(
    string Model, string Engine, int Threads, int Clients, int RowsPerRequest, int Batch, bool IsText, string OtherName,
    ServeBenchHalf Ours, ServeBenchHalf Other, PairedRatio Throughput, PairedRatio Efficiency, long ResidentMiB)
{
    /// <summary>Of which 200 are slower than the 99th percentile.</summary>
    const int FewestForP99 = 20_000;

    public IEnumerable<string> Lines()
    {
        yield return Text($"{Model}: {Clients} clients, {RowsPerRequest} rows a request, {(IsText ? "JSON" : "binary")}, batch {Batch}, {Engine}, {Threads} threads; {Ours.Requests:N0} requests");
        yield return Line("server", Ours);
        yield return Line(OtherName, Other);
        yield return Text($"rows a second, server / {OtherName}: {Throughput.Median:F3}, 95 % of {Throughput.Ratios.Count} pairs: {Throughput.Low:F3} to {Throughput.High:F3}");
        yield return Text($"rows a processor-second, server / {OtherName}: {Efficiency.Median:F3}, 95 %: {Efficiency.Low:F3} to {Efficiency.High:F3}");
        yield return Text($"processor time a row, server - {OtherName}: {Ours.MicrosecondsPerRow - Other.MicrosecondsPerRow:F1} us; p99: {Ours.P99 - Other.P99:F2} ms; server's memory {ResidentMiB} MiB");
        if (Math.Min(Ours.Requests, Other.Requests) < FewestForP99)
        {
            yield return Text($"p99 is that of fewer than {FewestForP99:N0} requests: rough. Raise --seconds or --pairs.");
        }
    }

    static string Line(string name, ServeBenchHalf half) =>
        Text($"{name,-10} {half.RowsPerSecond,10:N0} rows/s  {half.MicrosecondsPerRow,8:F1} us of processor a row  p50 {half.P50,7:F2} ms  p99 {half.P99,7:F2} ms of {half.Requests:N0}");

    static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
