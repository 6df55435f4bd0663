using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Mim.Models;

namespace Mim.Inference;

/// <summary>Interleaved halves: clients against the server, then the bare loop in this process, or the same clients against a peer.</summary>
sealed class ServeBench(ModelPackage package, EngineOptions engine)
{
    /// <summary>Rows that the bare loop goes through again and again: more than a cache holds, as requests are.</summary>
    const int LoopRows = 4096;

    /// <summary>Of load: so long the runtime compiles the server's hot code anew, which takes a twelfth of its time at first, and sizes its pools.</summary>
    static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(15);

    public required int Clients { get; init; }

    public required int Rows { get; init; }

    public required int Batch { get; init; }

    public required TimeSpan Time { get; init; }

    public required int Pairs { get; init; }

    public required bool IsText { get; init; }

    public required string? Peer { get; init; }

    string Path => $"/v2/models/{package.Manifest.Name}/infer";

    public async Task<ServeBenchResult> RunAsync(TextWriter log, CancellationToken cancellationToken)
    {
        var number = CultureInfo.InvariantCulture;
        using var server = ServerProcess.Start("dotnet", [
            typeof(ServeBench).Assembly.Location, "serve", "--model", package.Folder, "--urls", "http://127.0.0.1:0", "--batch", Batch.ToString(number),
            "--threads", engine.Threads.ToString(number), "--device", engine.Device.ToString(),
            // Room for what all clients ask at once, and for the golden rows: a refusal is no measurement.
            "--queue", Math.Clamp(2L * Clients * Rows, new InferenceOptions().QueueCapacity, 1 << 20).ToString(number),
            "--max-requests", Math.Clamp(Clients, new InferenceOptions().MaxConcurrentRequests, 1 << 16).ToString(number),
            "--max-connections", Math.Clamp(2L * Clients, new InferenceOptions().MaxConnections, 1 << 20).ToString(number)]);
        // A shell's words, without a shell between the process and its measured time.
        using var peer = Peer?.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [var program, .. var arguments]
            ? ServerProcess.Start(program, [.. arguments, package.Folder])
            : null;
        var x = Draw(Rows);
        using var bare = new BareLoop(package, Draw(Math.Max(LoopRows / Batch, 1) * Batch), Batch, engine);
        using var single = new BareLoop(package, x, Rows, engine);
        single.Run();
        ExpectedAnswer expected = new(single.Output(TensorNames.ZMean).ToArray(), IsText);
        using var ours = await ConnectAsync(server, x, expected, cancellationToken);
        using var theirs = peer is null ? null : await ConnectAsync(peer, x, expected, cancellationToken);

        List<ServeBenchHalf> mine = [], other = [];
        for (var pair = -(int)Math.Ceiling(s_warmUp / Time); pair < Pairs; pair++)
        {
            ServeBenchHalf a, b;
            if (pair % 2 == 0)
            {
                a = await OursAsync();
                b = await OtherAsync();
            }
            else
            {
                b = await OtherAsync();
                a = await OursAsync();
            }
            if (pair >= 0)
            {
                mine.Add(a);
                other.Add(b);
                log.WriteLine(string.Create(
                    number, $"pair {pair + 1,3}  server {a.RowsPerSecond,9:N0} rows/s {a.MicrosecondsPerRow,8:F1} us  other {b.RowsPerSecond,9:N0} rows/s {b.MicrosecondsPerRow,8:F1} us"));
            }
        }
        return new(
            package.Manifest.Name, OnnxModel.Engine, engine.Threads, Clients, Rows, Batch, IsText, peer is null ? "bare loop" : "peer",
            ServeBenchHalf.Together(mine), ServeBenchHalf.Together(other),
            PairedRatio.Of([.. mine.Zip(other, (a, b) => a.RowsPerSecond / b.RowsPerSecond)]),
            PairedRatio.Of([.. mine.Zip(other, (a, b) => b.MicrosecondsPerRow / a.MicrosecondsPerRow)]), server.ResidentBytes >> 20);

        Task<ServeBenchHalf> OursAsync() => UnderLoadAsync(server, ours, cancellationToken);

        async Task<ServeBenchHalf> OtherAsync() => peer is null ? Bare(bare, single) : await UnderLoadAsync(peer, theirs!, cancellationToken);
    }

    async Task<ServeBenchHalf> UnderLoadAsync(ServerProcess server, HttpLoad load, CancellationToken cancellationToken)
    {
        var (start, processor) = (Stopwatch.GetTimestamp(), server.ProcessorTime);
        var seconds = await load.RunAsync(Time, cancellationToken);
        var (elapsed, used) = (Stopwatch.GetElapsedTime(start), server.ProcessorTime - processor);
        load.RequireEqual();
        return new((long)seconds.Count * Rows, elapsed.TotalSeconds, used.TotalSeconds, seconds);
    }

    /// <summary>Rows and processor time of full batches; latency of a run of as many rows as a request has.</summary>
    ServeBenchHalf Bare(BareLoop full, BareLoop single)
    {
        var (start, processor, rows) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime, 0L);
        while (Stopwatch.GetElapsedTime(start) < Time / 2)
        {
            full.Run();
            rows += full.Rows;
        }
        var (elapsed, used) = (Stopwatch.GetElapsedTime(start), Environment.CpuUsage.TotalTime - processor);
        List<double> seconds = [];
        for (var half = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(half) < Time / 2;)
        {
            var run = Stopwatch.GetTimestamp();
            single.Run();
            seconds.Add(Stopwatch.GetElapsedTime(run).TotalSeconds);
        }
        return new(rows, elapsed.TotalSeconds, used.TotalSeconds, seconds);
    }

    async Task<HttpLoad> ConnectAsync(ServerProcess server, float[] x, ExpectedAnswer expected, CancellationToken cancellationToken)
    {
        var address = await server.ListensAsync(cancellationToken);
        using (HttpClient http = new() { BaseAddress = address })
        {
            for (var ready = false; !ready;)
            {
                using var answer = await http.GetAsync(new Uri("/v2/health/ready", UriKind.Relative), cancellationToken);
                ready = answer.IsSuccessStatusCode;
                await Task.Delay(ready ? 0 : 50, cancellationToken);
            }
        }
        var (body, header) = Body(x);
        return await HttpLoad.ConnectAsync(
            address, Path, IsText ? "Content-Type: application/json\r\n" : $"Content-Type: application/octet-stream\r\n{InferEndpoint.HeaderLength}: {header}\r\n", body, expected,
            Clients, cancellationToken);
    }

    /// <summary>What Triton's clients send.</summary>
    (byte[] Body, int Header) Body(float[] x)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter json = new(stream))
        {
            json.WriteStartObject();
            json.WriteStartArray("inputs");
            json.WriteStartObject();
            json.WriteString("name", TensorNames.X);
            json.WriteStartArray("shape");
            foreach (var size in package.Manifest.XShape.Prepend(Rows))
            {
                json.WriteNumberValue(size);
            }
            json.WriteEndArray();
            json.WriteString("datatype", "FP32");
            if (IsText)
            {
                json.WriteStartArray("data");
                foreach (var value in x)
                {
                    json.WriteNumberValue(value);
                }
                json.WriteEndArray();
            }
            else
            {
                json.WriteStartObject("parameters");
                json.WriteNumber("binary_data_size", x.Length * sizeof(float));
                json.WriteEndObject();
            }
            json.WriteEndObject();
            json.WriteEndArray();
            json.WriteStartArray("outputs");
            json.WriteStartObject();
            json.WriteString("name", TensorNames.ZMean);
            json.WriteStartObject("parameters");
            json.WriteBoolean("binary_data", !IsText);
            json.WriteEndObject();
            json.WriteEndObject();
            json.WriteEndArray();
            json.WriteEndObject();
        }
        var header = (int)stream.Length;
        if (!IsText)
        {
            stream.Write(MemoryMarshal.AsBytes<float>(x));
        }
        return (stream.ToArray(), header);
    }

    /// <summary>Pixels' multiples of 1/255, whose text is as long as that of scaled images.</summary>
    float[] Draw(int rows)
    {
        Random random = new(rows);
        return [.. Enumerable.Range(0, rows * package.Manifest.XDim).Select(_ => random.Next(256) / 255f)];
    }
}
