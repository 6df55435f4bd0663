using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Mim.Models;

namespace Mim.Inference;

/// <summary>
/// JSONL in, JSONL out, in the same order: <c>{"id"?, "x": […]}</c> becomes <c>{"id"?, "space_id", "z": […]}</c>, a bad line
/// <c>{"id"?, "line", "error"}</c>. Reading waits while the queue is full. The end of the input ends the host.
/// </summary>
sealed class StandardInput(ServedModel served, IOptions<InferenceOptions> options, IHostApplicationLifetime lifetime, Stream input, Stream output) : BackgroundService
{
    /// <summary>Rows in flight besides those in the channel: one that the reader holds and one that the writer holds.</summary>
    const int Held = 2;

    readonly Channel<Answer> _answers = Channel.CreateBounded<Answer>(
        new BoundedChannelOptions(options.Value.QueueCapacity - Held) { SingleReader = true, SingleWriter = true });

    readonly record struct Answer(long Line, string? Id, string? Fault, Memory<float> Z, ValueTask Completion);

    /// <summary>Why the host stops, if not because the input ended or it was told to.</summary>
    public Exception? Failure { get; private set; }

    [SuppressMessage("Design", "CA1031", Justification = "Kept, and thrown again by whoever ran the host.")]
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            if (await served.LoadedAsync(stoppingToken) && served.Package is { } package && served.Graph(TensorNames.X) is { } encoder)
            {
                // A blocking read cannot be cancelled: when told to stop, the reader is left and what it had accepted is answered.
                var reading = Task.Run(() => ReadAsync(package.Manifest, encoder, stoppingToken), CancellationToken.None);
                await using var left = stoppingToken.Register(() => _answers.Writer.TryComplete());
                await WriteAsync(package.Manifest);
                if (!stoppingToken.IsCancellationRequested)
                {
                    await reading;
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            return;
        }
        catch (Exception e)
        {
            Failure = e;
        }
        lifetime.StopApplication();
    }

    async Task ReadAsync(ModelManifest manifest, ServedGraph encoder, CancellationToken stoppingToken)
    {
        var contract = RowContract.Encode(manifest);
        var lines = new Utf8Lines(input, options.Value.MaxRequestBytes);
        try
        {
            while (!stoppingToken.IsCancellationRequested && Next(lines, contract, encoder) is { } answer)
            {
                await _answers.Writer.WriteAsync(answer, stoppingToken);
            }
        }
        catch (Exception e) when (e is ChannelClosedException or OperationCanceledException)
        {
            // Told to stop: nobody waits for this line.
        }
        finally
        {
            _answers.Writer.TryComplete();
        }
    }

    static Answer? Next(Utf8Lines lines, RowContract contract, ServedGraph encoder)
    {
        while (lines.TryRead(out var line))
        {
            if (line.IsEmpty)
            {
                continue;
            }
            var x = new float[contract.Width];
            if ((RowJson.Fault(line, contract, x, out var attributes) ?? BadValue(contract, x)) is { } fault)
            {
                return new(lines.Number, attributes.Id, fault, default, default);
            }
            var outputs = new Memory<float>[encoder.Model.Outputs.Count];
            outputs[0] = new float[encoder.Model.Buffers.OutputWidths[0]];
            return encoder.Batcher.TryRun(x, 1, outputs, CancellationToken.None, out var completion)
                ? new(lines.Number, attributes.Id, null, outputs[0], completion)
                : new(lines.Number, attributes.Id, "the worker is stopping.", default, default);
        }
        return null;
    }

    async Task WriteAsync(ModelManifest manifest)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using var json = new Utf8JsonWriter(buffer);
        await foreach (var answer in _answers.Reader.ReadAllAsync(CancellationToken.None))
        {
            var fault = answer.Fault ?? await FaultAsync(answer);
            json.Reset();
            Write(json, answer, fault, manifest.SpaceId);
            json.Flush();
            buffer.Write("\n"u8);
            await output.WriteAsync(buffer.WrittenMemory, CancellationToken.None);
            buffer.ResetWrittenCount();
            if (!_answers.Reader.TryPeek(out _))
            {
                await output.FlushAsync(CancellationToken.None);
            }
        }
        await output.FlushAsync(CancellationToken.None);
    }

    [SuppressMessage("Design", "CA1031", Justification = "The failure of a run is the answer to its lines.")]
    static async ValueTask<string?> FaultAsync(Answer answer)
    {
        try
        {
            await answer.Completion;
        }
        catch (Exception e)
        {
            return $"the engine failed: {e.Message}";
        }
        return answer.Z.Span.IndexOfAnyExceptInRange(float.MinValue, float.MaxValue) < 0
            ? null
            : "the encoder's output is not finite for this row: a value far outside the training data overflows.";
    }

    static string? BadValue(RowContract contract, float[] x) =>
        contract.BadValue(x) is { } bad ? $"{contract.Tensor}[{bad.Index}]: {bad.Fault}" : null;

    static void Write(Utf8JsonWriter json, Answer answer, string? fault, string spaceId)
    {
        json.WriteStartObject();
        if (answer.Id is { } id)
        {
            json.WriteString("id", id);
        }
        if (fault is not null)
        {
            json.WriteNumber("line", answer.Line);
            json.WriteString("error", fault);
        }
        else
        {
            json.WriteString("space_id", spaceId);
            json.WriteStartArray(TensorNames.Z);
            foreach (var value in answer.Z.Span)
            {
                json.WriteNumberValue(value);
            }
            json.WriteEndArray();
        }
        json.WriteEndObject();
    }
}
