using System.Globalization;
using System.Text;
using Microsoft.Extensions.Hosting;
using Mim.Inference;
using Mim.Models;

namespace Mim.Tests.Inference;

/// <summary>A queue in memory: what is neither acknowledged nor rejected when a worker leaves is delivered again to the next.</summary>
sealed class MemoryQueue
{
    readonly object _gate = new();
    readonly Queue<Delivery> _ready = new();
    readonly HashSet<Delivery> _out = [];

    /// <summary>Rejected records: the key that the source knows, and why.</summary>
    public List<(string? Key, Rejection Why)> Dead { get; } = [];

    public List<string?> Acknowledged { get; } = [];

    /// <summary>Most records that were read and neither acknowledged nor rejected at one time.</summary>
    public int MostOut { get; private set; }

    public int Left
    {
        get
        {
            lock (_gate)
            {
                return _ready.Count + _out.Count;
            }
        }
    }

    public void Add(string? key, string body, long revision = 0, string? traceParent = null)
    {
        lock (_gate)
        {
            _ready.Enqueue(new Delivery { Key = key, Body = Encoding.UTF8.GetBytes(body), Revision = revision, TraceParent = traceParent });
        }
    }

    public void Add(IEnumerable<int> keys)
    {
        foreach (var key in keys)
        {
            Add(string.Create(CultureInfo.InvariantCulture, $"k{key}"), string.Create(CultureInfo.InvariantCulture, $$"""{"x": [{{key}}, 1]}"""));
        }
    }

    /// <summary>As a broker does when a consumer's connection ends.</summary>
    public void Redeliver()
    {
        lock (_gate)
        {
            foreach (var record in _out)
            {
                _ready.Enqueue(new Delivery { Key = record.Key, Body = record.Body, Revision = record.Revision, Attempt = record.Attempt + 1 });
            }
            _out.Clear();
        }
    }

    /// <param name="acknowledging">Called before records are let go.</param>
    public IRecordSource Source(Action<IReadOnlyList<SourceRecord>>? acknowledging = null) => new Reader(this, acknowledging);

    sealed class Delivery : SourceRecord;

    sealed class Reader(MemoryQueue queue, Action<IReadOnlyList<SourceRecord>>? acknowledging) : IRecordSource
    {
        public string Name => "memory";

        public ValueTask<int> ReadAsync(List<SourceRecord> records, int max, CancellationToken cancellationToken)
        {
            cancellationToken.ThrowIfCancellationRequested();
            lock (queue._gate)
            {
                while (records.Count < max && queue._ready.TryDequeue(out var record))
                {
                    queue._out.Add(record);
                    records.Add(record);
                }
                queue.MostOut = Math.Max(queue.MostOut, queue._out.Count);
            }
            return ValueTask.FromResult(records.Count);
        }

        public ValueTask AcknowledgeAsync(IReadOnlyList<SourceRecord> records, CancellationToken cancellationToken)
        {
            acknowledging?.Invoke(records);
            lock (queue._gate)
            {
                foreach (var record in records)
                {
                    if (queue._out.Remove((Delivery)record))
                    {
                        queue.Acknowledged.Add(record.Key);
                    }
                }
            }
            return ValueTask.CompletedTask;
        }

        public ValueTask RejectAsync(SourceRecord record, Rejection rejection, CancellationToken cancellationToken)
        {
            lock (queue._gate)
            {
                if (queue._out.Remove((Delivery)record))
                {
                    queue.Dead.Add((record.Key, rejection));
                }
            }
            return ValueTask.CompletedTask;
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}

/// <summary>Rows by id, as a table with a primary key holds them; failures on demand.</summary>
sealed class MemorySink : IVectorSink
{
    public Dictionary<Guid, VectorRow> Rows { get; } = [];

    /// <summary>Rows of each write that was tried.</summary>
    public List<int> Writes { get; } = [];

    /// <summary>Called before the rows are there, with the number of the write from 1.</summary>
    public Func<int, VectorBatch, Task> BeforeCommit { get; set; } = (_, _) => Task.CompletedTask;

    /// <summary>Called when the rows are there, and the worker does not know yet.</summary>
    public Action<int> AfterCommit { get; set; } = _ => { };

    public string? Space { get; set; }

    public bool IsDisposed { get; private set; }

    public ValueTask OpenAsync(ModelManifest model, CancellationToken cancellationToken)
    {
        Space ??= model.SpaceId;
        return Space == model.SpaceId ? ValueTask.CompletedTask : throw new InvalidDataException($"expected space {Space}, found {model.SpaceId}");
    }

    public async ValueTask WriteAsync(VectorBatch batch, CancellationToken cancellationToken)
    {
        Writes.Add(batch.Rows.Count);
        var number = Writes.Count;
        await BeforeCommit(number, batch).WaitAsync(cancellationToken);
        if (batch.Model.SpaceId != Space)
        {
            throw new InvalidDataException($"expected space {Space}, found {batch.Model.SpaceId}");
        }
        foreach (var row in batch.Rows)
        {
            Rows[row.Id] = row;
        }
        AfterCommit(number);
    }

    public ValueTask FlushAsync(CancellationToken cancellationToken) => ValueTask.CompletedTask;

    public SinkFault FaultOf(Exception e) => e switch
    {
        IOException => SinkFault.Transient,
        ArgumentException => SinkFault.Row,
        _ => SinkFault.Fatal,
    };

    public ValueTask DisposeAsync()
    {
        IsDisposed = true;
        return ValueTask.CompletedTask;
    }
}

/// <summary>z = x₀ + x₁. x₀ = <see cref="Poison"/> fails the run, <see cref="Overflow"/> gives an infinity.</summary>
sealed class SumEmbedder : IEmbedder
{
    public const int Poison = -666;
    public const int Overflow = -777;

    public static ModelManifest Model(string space, string version) => new()
    {
        Name = "sum",
        Version = version,
        SpaceId = space,
        Kind = ModelManifest.EncoderOnly,
        XShape = [2],
        ZSize = 1,
        Likelihood = null,
        LogVarFloor = null,
        Preprocessing = [],
        Objective = new ModelObjective("mim", "marginal", "same_z", 1, 1),
        Dataset = new ModelDataset("none", new string('0', 64)),
        Seed = 1,
        Engines = new Dictionary<string, string>(),
        TrainingCommit = null,
        StageKey = null,
        MinimumOnnxRuntime = "1.13.0",
        Metrics = new Dictionary<string, double>(),
    };

    public ModelManifest Manifest { get; set; } = Model(new string('a', 64), "1-aaaaaaaa");

    public bool IsBroken { get; set; }

    /// <summary>Poison is harmless.</summary>
    public bool IsMended { get; init; }

    /// <summary>Rows of each run.</summary>
    public List<int> Runs { get; } = [];

    public Task<ModelManifest?> LoadedAsync(CancellationToken cancellationToken) => Task.FromResult<ModelManifest?>(Manifest);

    public ValueTask<ModelManifest> EmbedAsync(ReadOnlyMemory<float> x, int rows, Memory<float> z, CancellationToken cancellationToken)
    {
        Runs.Add(rows);
        for (var row = 0; row < rows; row++)
        {
            var first = x.Span[row * 2];
            z.Span[row] = IsBroken || (first == Poison && !IsMended) ? throw new InvalidOperationException("the run broke")
                : first == Overflow ? float.PositiveInfinity : first + x.Span[(row * 2) + 1];
        }
        return ValueTask.FromResult(Manifest);
    }

    public ValueTask<bool> IsHealthyAsync(CancellationToken cancellationToken) => ValueTask.FromResult(!IsBroken);
}

/// <summary>A host that only remembers that it was told to stop.</summary>
sealed class FakeLifetime : IHostApplicationLifetime
{
    readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task Stopped => _stopped.Task;

    public CancellationToken ApplicationStarted => CancellationToken.None;
    public CancellationToken ApplicationStopping => CancellationToken.None;
    public CancellationToken ApplicationStopped => CancellationToken.None;

    public void StopApplication() => _stopped.TrySetResult();
}
