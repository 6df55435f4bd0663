using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Mim.Models;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>Losses and log-densities are means over the epoch's rows, in nats.</summary>
/// <param name="Seconds">Validation included.</param>
/// <param name="StepMilliseconds">Mean over the epoch's steps, the waiting for rows included.</param>
/// <param name="PeakResidentMiB">Most memory that the process has held so far; not that of a GPU, which the engine does not tell.</param>
public sealed record EpochReport(
    int Epoch, long Step, double LearningRate, double Beta, IReadOnlyDictionary<string, double> Train,
    IReadOnlyDictionary<string, double> Validation, int BestEpoch, long Rows, double Seconds, double StepMilliseconds, double PeakResidentMiB)
{
    public double RowsPerSecond => Rows / Seconds;

    /// <summary>Of <see cref="Seconds"/>, those for which the steps waited for data.</summary>
    public double DataSeconds { get; init; }

    public JsonObject ToJson() => new()
    {
        ["epoch"] = Epoch,
        ["step"] = Step,
        ["learning_rate"] = LearningRate,
        ["beta"] = Beta,
        ["train"] = new JsonObject(Train.Select(t => KeyValuePair.Create(t.Key, (JsonNode?)t.Value))),
        ["validation"] = new JsonObject(Validation.Select(t => KeyValuePair.Create(t.Key, (JsonNode?)t.Value))),
        ["best_epoch"] = BestEpoch,
        ["rows_per_second"] = Math.Round(RowsPerSecond, 1),
        ["seconds"] = Math.Round(Seconds, 3),
        ["step_ms"] = Math.Round(StepMilliseconds, 3),
        ["peak_resident_mib"] = Math.Round(PeakResidentMiB, 1),
        ["data_seconds"] = Math.Round(DataSeconds, 4),
    };

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"epoch {Epoch,4}  step {Step:000000}  loss {Train["loss"],12:F4}  val {Validation["loss"],12:F4} nats  lr {LearningRate:0.00e+0}")
        + string.Create(CultureInfo.InvariantCulture, $"  {RowsPerSecond / 1000,8:F1} k rows/s  {StepMilliseconds,8:F2} ms/step  {PeakResidentMiB,6:F0} MiB");
}

public enum TrainingEnd
{
    Epochs,
    Patience,
    Interrupted,
}

/// <summary>
/// The reference's training loop: Adam with one update per full minibatch (or several, whose mean gradient it then takes), the halves' gradients
/// added, β and the rate changing by epochs, a validation pass at the final β after each, early stopping. All state that the next step depends on
/// goes through <see cref="Checkpoint"/>; a run stops between steps only.
/// </summary>
public sealed class Trainer : IDisposable
{
    /// <summary>Rows of a validation chunk: enough to keep the engine busy, and a bound on its memory.</summary>
    const int ValidationValues = 1 << 22;

    /// <summary>Steps between looks at the recorded terms: each is a synchronisation with the device.</summary>
    const int StepsPerCheck = 256;

    /// <summary>clip_grad_norm_'s, which is not called: TorchSharp's returns the norm as a number, and so waits for the device.</summary>
    const double ClipEpsilon = 1e-6;

    static readonly string[] s_terms = ["log_pxz", "log_pz", "log_qzx", "log_qx", "loss"];

    /// <summary>Columns of the history: the terms of both halves and the gradient's norm.</summary>
    static readonly string[] s_columns = [.. s_terms.Select(t => $"encoding.{t}"), .. s_terms.Select(t => $"decoding.{t}"), "gradient_norm"];

    static readonly int s_loss = s_terms.Length - 1;
    static readonly int s_decoding = s_terms.Length;
    static readonly int s_gradientNorm = s_columns.Length - 1;

    readonly Stack<IDisposable> _owned = new();
    readonly TrainingOptions _options;
    readonly RunFolder _folder;
    readonly TimeProvider _time;
    readonly TrainingData _data;
    readonly Objective _objective;
    readonly Parameter[] _parameters;
    readonly ReducedPrecision? _reduced;
    readonly IReadOnlyList<Tensor> _weights;
    readonly Optimiser _optimiser;
    readonly MovingAverage? _average;
    readonly Generator _noise;
    readonly Generator _validation;
    readonly EarlyStopping _stopping;
    readonly Tensor _history; // (steps, columns)
    readonly int _steps;

    Checkpoint? _last;
    Checkpoint? _best;
    long _written;
    int _epoch = 1;
    int _stepInEpoch;
    long _step;
    bool _finished;
    TimeSpan _waited;

    public Trainer(TrainingOptions options, Dataset dataset, RunFolder folder, TimeProvider time)
    {
        _options = options;
        _folder = folder;
        _time = time;
        if (options.Trainer.Threads > 0)
        {
            set_num_threads(options.Trainer.Threads);
        }
        var device = Device(options.Trainer.Device);
        var (batch, accumulate) = (options.Trainer.Batch, options.Trainer.Accumulate);
        try
        {
            if (options.Trainer.Deterministic)
            {
                RequireDeterministicCuda(device);
                Own(use_deterministic_algorithms());
            }
            _data = Own(new TrainingData(dataset, options, device));
            // Both splits now: what is wrong with them is said before anything is written.
            _data.Validation(1);
            var rows = _data.Train(1).Rows;
            var (steps, most) = (rows / ((long)batch * accumulate), options.Trainer.StepsPerEpoch);
            if (steps == 0)
            {
                throw new UsageException(accumulate == 1
                    ? $"trainer.batch: expected at most the {rows} training rows, found {batch}. Give a smaller one."
                    : $"trainer.batch times trainer.accumulate: expected at most the {rows} training rows, found {batch} times {accumulate}. "
                        + "Make one smaller.");
            }
            if (steps < most)
            {
                throw new UsageException(
                    $"trainer.steps_per_epoch: expected at most the {steps} that the {rows} training rows give, found {most}.");
            }
            _steps = most > 0 ? most : (int)steps;
            using (var init = new Generator(Stream(RandomStream.Weights, 0)))
            {
                Model = Own(Autoencoder.Create(options, dataset.InputShape, init, _data.First));
            }
            RequireAble(options, Model);
            Model.to(device);
            _objective = Objective.Create(options.Objective);
            _reduced = options.Trainer.Precision == Precision.Bfloat16 ? Own(new ReducedPrecision(Model)) : null;
            _parameters = [.. Model.parameters()];
            _weights = _reduced?.Weights ?? _parameters;
            _optimiser = Own(new Optimiser(options.Trainer.Optimiser, _weights, options.Trainer.WeightDecay));
            _average = options.Trainer.Ema > 0 ? Own(new MovingAverage(options.Trainer.Ema, _weights)) : null;
            _noise = Own(new Generator(Stream(RandomStream.Noise, 0)));
            _validation = Own(new Generator(0));
            _stopping = new EarlyStopping(
                options.Trainer.EarlyStopping, Math.Max(options.Trainer.WarmupEpochs, LookAheadWarmup(options)), options.Trainer.Patience);
            _history = Own(zeros(_steps, s_columns.Length, device: device).DetachFromDisposeScope());
        }
        catch
        {
            Dispose();
            throw;
        }

        T Own<T>(T resource)
            where T : IDisposable
        {
            _owned.Push(resource);
            return resource;
        }
    }

    /// <summary>What each generator is for; its seed follows from this and the run's seed.</summary>
    enum RandomStream
    {
        Weights,
        Noise,
        Order = 3,
        Validation = 4,
    }

    public Autoencoder Model { get; }

    /// <summary>Updates that one epoch makes.</summary>
    public int StepsPerEpoch => _steps;

    public int BestEpoch => _stopping.BestEpoch;

    public double BestLoss => _stopping.BestLoss;

    public int Epoch => _epoch;

    public long Step => _step;

    /// <summary>
    /// Least time between two writes of checkpoints, so that epochs of milliseconds do not wait for the disk. What a killed run then repeats,
    /// it repeats bit for bit; a run that stops, ends or fails has written all.
    /// </summary>
    public TimeSpan CheckpointInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Called after every step, with the steps taken.</summary>
    public Action<long>? Stepped { get; init; }

    /// <summary>Called after every epoch.</summary>
    public Action<EpochReport>? Reported { get; init; }

    /// <summary>
    /// Continues from a checkpoint: bit for bit with the same configuration. Whether training has ended is asked anew, for there may be more
    /// epochs or more patience now.
    /// </summary>
    public void Restore(Checkpoint checkpoint)
    {
        var state = checkpoint.State;
        if (state.StepInEpoch > _steps)
        {
            throw new UsageException($"{_folder.LastCheckpoint}: expected at most {_steps} steps in an epoch, found {state.StepInEpoch}: "
                + "the training rows are fewer than they were. Train without --resume.");
        }
        using var scope = NewDisposeScope();
        checkpoint.Restore(State());
        _reduced?.Publish();
        _optimiser.Steps = state.Step;
        _noise.set_state(checkpoint.Tensor("generator/noise", _noise.get_state().shape));
        if (state.StepInEpoch > 0)
        {
            using var _ = no_grad();
            _history.narrow(0, 0, state.StepInEpoch).copy_(checkpoint.Tensor("history", [state.StepInEpoch, s_columns.Length]));
        }
        (_epoch, _stepInEpoch, _step) = (state.Epoch, state.StepInEpoch, state.Step);
        _stopping.Restore(state.BestEpoch, state.BestLoss ?? double.PositiveInfinity);
        _finished = _epoch > _options.Trainer.Epochs || _stopping.ShouldStop(_epoch - 1);
        _folder.TruncateMetrics(_epoch - 1);
    }

    /// <summary>Trains to the end, or until <paramref name="cancellationToken"/> asks to stop: then the step in progress is finished and saved.</summary>
    /// <exception cref="NotFiniteNumberException">A term of the loss or the gradient is NaN or infinite.</exception>
    public TrainingEnd Run(CancellationToken cancellationToken)
    {
        _folder.Begin();
        _written = _time.GetTimestamp();
        try
        {
            while (!_finished)
            {
                var begin = _time.GetTimestamp();
                var first = _stepInEpoch;
                if (!TrainEpoch(cancellationToken))
                {
                    _last = Capture();
                    return TrainingEnd.Interrupted;
                }
                EndEpoch(first, begin);
            }
            return _stopping.ShouldStop(_epoch - 1) ? TrainingEnd.Patience : TrainingEnd.Epochs;
        }
        finally
        {
            WriteCheckpoints();
        }
    }

    /// <summary>
    /// For <see cref="LearningRateRange"/>: takes a step at this rate, with all halves and the final β, on the rows of as many epochs as it needs.
    /// Nothing is written, and <see cref="Run"/> is not for a trainer that has done this.
    /// </summary>
    /// <returns>The loss before the step, in nats, as the metrics have it.</returns>
    public double StepAt(double learningRate)
    {
        if (_step == 0)
        {
            _epoch = Math.Max(1, _options.Objective.BetaWarmupEpochs);
        }
        else if (_stepInEpoch == _steps)
        {
            (_epoch, _stepInEpoch) = (_epoch + 1, 0);
        }
        using var scope = NewDisposeScope();
        TakeStep(Order(), learningRate);
        var terms = Array.ConvertAll(History(_stepInEpoch, _stepInEpoch + 1), value => (double)value);
        (_step, _stepInEpoch) = (_step + 1, _stepInEpoch + 1);
        return Report(terms, HasDecodingHalf)["loss"];
    }

    public void Dispose()
    {
        while (_owned.TryPop(out var resource))
        {
            resource.Dispose();
        }
    }

    internal static Device Device(TrainingDevice choice) => choice switch
    {
        TrainingDevice.Cpu => CPU,
        _ when cuda.is_available() => CUDA,
        TrainingDevice.Cuda => throw new UsageException("trainer.device: expected a CUDA device, found none. Give cpu, or see 'mim doctor'."),
        _ => CPU,
    };

    /// <summary>cuBLAS is deterministic only with a workspace that has to be set before the process starts.</summary>
    static void RequireDeterministicCuda(Device device)
    {
        const string variable = "CUBLAS_WORKSPACE_CONFIG";
        if (device.type == DeviceType.CUDA && Environment.GetEnvironmentVariable(variable) is not (":4096:8" or ":16:8"))
        {
            throw new UsageException($"trainer.deterministic: expected {variable}=:4096:8 in the environment for a CUDA device, found "
                + $"{Environment.GetEnvironmentVariable(variable) ?? "none"}. Set it before 'mim train'.");
        }
    }

    static void RequireAble(TrainingOptions options, Autoencoder model)
    {
        if (options.Trainer.Ema > 0 && Checkpoint.Statistics(model).Any())
        {
            throw new UsageException(FormattableString.Invariant($"trainer.ema: expected 0 with network.name: {options.Network.Name}, found {options.Trainer.Ema}. ")
                + "The statistics of its normalisation are those of the weights, not of their average.");
        }
        if (options.Trainer.Precision == Precision.Bfloat16 && model.decoder is AutoregressiveDecoder)
        {
            throw new UsageException($"trainer.precision: expected float32 with network.name: {options.Network.Name}, found bfloat16. "
                + "Its decoder draws x with float32 arithmetic of its own.");
        }
    }

    double LearningRate => _options.Trainer.LearningRate * Schedule.Noam(_epoch, _options.Trainer.WarmupEpochs);

    double Beta => _options.Objective.Beta * Schedule.Warmup(_epoch, _options.Objective.BetaWarmupEpochs);

    /// <summary>The decoding half joins when β's warm-up is complete; alone it waits for nothing.</summary>
    bool HasDecodingHalf =>
        _objective.HasDecodingHalf && (_epoch >= _options.Objective.BetaWarmupEpochs || !_objective.HasEncodingHalf);

    /// <summary>Waiting starts when both warm-ups are over; the reference's image models have that of β alone, its toys the same number for both.</summary>
    static int LookAheadWarmup(TrainingOptions options) =>
        options.Trainer.EarlyStopping == EarlyStoppingRule.LookAhead ? options.Objective.BetaWarmupEpochs : 0;

    ulong Stream(RandomStream stream, int epoch)
    {
        var seed = unchecked((ulong)_options.Trainer.Seed);
        var words = new uint[4];
        Philox.Block([(uint)stream, (uint)epoch, 0, 0x5452414E], [(uint)seed, (uint)(seed >> 32)], words);
        return ((ulong)words[1] << 32) | words[0];
    }

    /// <summary>False: interrupted.</summary>
    bool TrainEpoch(CancellationToken cancellationToken)
    {
        using var scope = NewDisposeScope();
        var order = Order();
        var check = _stepInEpoch;
        while (_stepInEpoch < _steps)
        {
            TakeStep(order, LearningRate);
            _stepInEpoch++;
            _step++;
            Stepped?.Invoke(_step);
            if (_stepInEpoch - check == StepsPerCheck || _stepInEpoch == _steps || cancellationToken.IsCancellationRequested)
            {
                RequireFinite(check, _stepInEpoch);
                check = _stepInEpoch;
                if (cancellationToken.IsCancellationRequested)
                {
                    return false;
                }
            }
        }
        return true;
    }

    /// <summary>The epoch's order of training rows.</summary>
    Tensor Order()
    {
        using var source = new Generator(Stream(RandomStream.Order, _epoch));
        var data = _data.Train(_epoch);
        return randperm(data.Rows, generator: source).to(data.X.device);
    }

    void EndEpoch(int firstStep, long begin)
    {
        var steps = _steps - firstStep;
        var stepMilliseconds = _time.GetElapsedTime(begin).TotalMilliseconds / Math.Max(1, steps);
        var validation = ValidateAverage();
        if (!double.IsFinite(validation["loss"]))
        {
            throw NotFinite("the validation loss", validation["loss"], _step);
        }
        var best = _stopping.Observe(_epoch, validation["loss"]);
        var report = new EpochReport(
            _epoch, _step, LearningRate, Beta, Means(), validation, _stopping.BestEpoch,
            (long)steps * _options.Trainer.Batch * _options.Trainer.Accumulate, _time.GetElapsedTime(begin).TotalSeconds, stepMilliseconds,
            PeakResidentMiB())
        {
            DataSeconds = (_data.Waited - _waited).TotalSeconds,
        };
        _waited = _data.Waited;
        _folder.AppendMetrics(report.ToJson());
        _finished = _stopping.ShouldStop(_epoch) || _epoch == _options.Trainer.Epochs;
        (_epoch, _stepInEpoch) = (_epoch + 1, 0);
        _last = Capture();
        _best = best ? _last : _best;
        if (_time.GetElapsedTime(_written) >= CheckpointInterval)
        {
            WriteCheckpoints();
        }
        Reported?.Invoke(report);
    }

    void TakeStep(Tensor order, double learningRate)
    {
        using var scope = NewDisposeScope();
        Model.zero_grad(set_to_none: true);
        for (var pass = 0; pass < _options.Trainer.Accumulate; pass++)
        {
            AddGradient(order, pass);
        }
        var gradients = Gradients();
        if (_options.Trainer.ClipNorm > 0)
        {
            ClipGradient(gradients);
        }
        _optimiser.Step(gradients, learningRate);
        _reduced?.Publish();
        _average?.Update(_step + 1);
    }

    void AddGradient(Tensor order, int pass)
    {
        using var scope = NewDisposeScope();
        var (passes, batch) = (_options.Trainer.Accumulate, _options.Trainer.Batch);
        var rows = order.narrow(0, ((long)_stepInEpoch * passes + pass) * batch, batch);
        var x = _data.Batch(rows, _step * passes + pass);
        using var shared = Model.prior.Share();
        if (_objective.HasEncodingHalf)
        {
            var encoding = _objective.Encode(Model, x, Beta, _noise);
            Mean(encoding.Loss).backward();
            Record(encoding, 0, pass);
        }
        if (HasDecodingHalf)
        {
            var decoding = _objective.Decode(Model, x.shape[0], Beta, _noise);
            Mean(decoding.Loss).backward();
            Record(decoding, s_decoding, pass);
        }
        shared.Backward();
    }

    /// <summary>A pass's share of the step's loss, which is the mean of the passes' losses.</summary>
    Tensor Mean(Tensor loss) => _options.Trainer.Accumulate == 1 ? loss : loss / _options.Trainer.Accumulate;

    void ClipGradient(Tensor?[] gradients)
    {
        using var _ = no_grad();
        var norm = Norm(gradients);
        _history.select(0, _stepInEpoch).select(0, s_gradientNorm).copy_(norm);
        var factor = (_options.Trainer.ClipNorm / (norm + ClipEpsilon)).clamp_max(1);
        foreach (var gradient in gradients)
        {
            gradient?.mul_(factor);
        }
    }

    void Record(HalfEstimate half, int column, int pass)
    {
        using var _ = no_grad();
        var logDensities = LogDensities(half);
        var row = _history.select(0, _stepInEpoch);
        Record(row.narrow(0, column, logDensities.Length), stack(logDensities).mean([1]), pass);
        Record(row.select(0, column + s_loss), half.Loss, pass);
    }

    /// <summary>A step's record is the mean over its passes.</summary>
    void Record(Tensor record, Tensor value, int pass)
    {
        if (_options.Trainer.Accumulate == 1)
        {
            record.copy_(value);
            return;
        }
        if (pass == 0)
        {
            record.zero_();
        }
        record.add_(value, 1.0 / _options.Trainer.Accumulate);
    }

    static Tensor[] LogDensities(HalfEstimate half) =>
        half.LogQx is { } logQx ? [half.LogPxz, half.LogPz, half.LogQzx, logQx] : [half.LogPxz, half.LogPz, half.LogQzx];

    float[] History(int from, int to)
    {
        if (from == to)
        {
            return [];
        }
        using var scope = NewDisposeScope();
        return MemoryMarshal.Cast<byte, float>(_history.narrow(0, from, to - from).cpu().bytes).ToArray();
    }

    /// <summary>Names the first step whose terms, loss or gradient are not finite, and the first such term.</summary>
    void RequireFinite(int from, int to)
    {
        var history = History(from, to);
        var first = Array.FindIndex(history, value => !float.IsFinite(value));
        if (first >= 0)
        {
            var (row, column) = Math.DivRem(first, s_columns.Length);
            var step = _step - (to - from) + row + 1;
            // log p(z) of an encoding half sees the encoder alone: it is lost only together with the weights.
            var weightsLost = column == 0 && float.IsNaN(history[first]) && float.IsNaN(history[first + 1]);
            throw weightsLost ? NotFinite("gradient", double.NaN, step - 1) : NotFinite(s_columns[column], history[first], step);
        }
        if (!double.IsFinite(GradientNorm()))
        {
            throw NotFinite("gradient", double.NaN, _step);
        }
    }

    double GradientNorm()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        return Norm(Gradients()).item<float>();
    }

    static Tensor Norm(Tensor?[] gradients) => stack([.. gradients.OfType<Tensor>().Select(gradient => gradient.norm())]).norm();

    /// <summary>Of the parameters, in their order; null where the objective does not depend on one, such as an autoencoder's on the prior.</summary>
    Tensor?[] Gradients() => _reduced is null
        ? Array.ConvertAll(_parameters, parameter => parameter.grad)
        : Array.ConvertAll(_parameters, parameter => parameter.grad?.to(ScalarType.Float32));

    NotFiniteNumberException NotFinite(string term, double value, long step)
    {
        // Another floor would be another model: the best one so far could not be read with it.
        var remedy = _last is not null || File.Exists(_folder.LastCheckpoint)
            ? $"The last good state is {_folder.LastCheckpoint}: continue from it with --resume --force and a lower --trainer.learning_rate or a "
                + "--trainer.clip_norm, or train again with a higher --network.sigma_floor."
            : "Train again with a lower --trainer.learning_rate, a --trainer.clip_norm or a higher --network.sigma_floor.";
        return new NotFiniteNumberException(
            string.Create(CultureInfo.InvariantCulture, $"step {step} (epoch {_epoch}): expected {term} to be finite, found {value}. ")
            + remedy, value);
    }

    Dictionary<string, double> Means()
    {
        var history = History(0, _steps);
        var means = new double[s_columns.Length];
        for (var i = 0; i < history.Length; i++)
        {
            means[i % means.Length] += (double)history[i] / _steps;
        }
        var report = Report(means, HasDecodingHalf);
        if (_options.Trainer.ClipNorm > 0)
        {
            report.Add(s_columns[s_gradientNorm], means[s_gradientNorm]);
        }
        return report;
    }

    /// <summary>Of the moving average of the weights, where there is one.</summary>
    Dictionary<string, double> ValidateAverage()
    {
        using var scope = NewDisposeScope();
        Exchange();
        var validation = Validate();
        Exchange();
        return validation;

        void Exchange()
        {
            _average?.Exchange();
            _reduced?.Publish();
        }
    }

    Dictionary<string, double> Validate()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        Model.eval();
        _validation.manual_seed(unchecked((long)Stream(RandomStream.Validation, _epoch)));
        var data = _data.Validation(_epoch);
        var rowValues = Math.Max(Model.Width, Model.q_x?.Width ?? 0) * _options.Objective.Samples;
        // cMIM's term is of a batch: its value and its (B, B) cosines depend on the rows at once.
        var most = _options.Objective.Name == ObjectiveName.CMim ? _options.Trainer.Batch : data.Rows;
        var chunk = (int)Math.Max(1, Math.Min(ValidationValues / rowValues, Math.Min(most, data.Rows)));
        var means = new double[s_columns.Length];
        using var shared = Model.prior.Share();
        for (var first = 0; first < data.Rows; first += chunk)
        {
            using var step = NewDisposeScope();
            var rows = Math.Min(chunk, data.Rows - first);
            var x = data.X.narrow(0, first, rows);
            if (_objective.HasEncodingHalf)
            {
                Accumulate(_objective.Encode(Model, x, _options.Objective.Beta, _validation), 0, (double)rows / data.Rows);
            }
            if (_objective.HasDecodingHalf)
            {
                Accumulate(_objective.Decode(Model, rows, _options.Objective.Beta, _validation), s_decoding, (double)rows / data.Rows);
            }
        }
        Model.train();
        return Report(means, _objective.HasDecodingHalf);

        void Accumulate(HalfEstimate half, int column, double weight)
        {
            means[column + s_loss] += weight * half.Loss.item<float>();
            foreach (var logDensity in LogDensities(half))
            {
                means[column++] += weight * logDensity.mean().item<float>();
            }
        }
    }

    /// <summary>The loss is the mean of the halves there are, as the reference reports it and stops by it.</summary>
    Dictionary<string, double> Report(double[] means, bool decoding)
    {
        var encoding = _objective.HasEncodingHalf;
        var halves = (encoding ? 1 : 0) + (decoding ? 1 : 0);
        var report = new Dictionary<string, double> { ["loss"] = (means[s_loss] + means[s_decoding + s_loss]) / halves };
        for (var i = encoding ? 0 : s_terms.Length; i < (decoding ? 2 : 1) * s_terms.Length; i++)
        {
            if (_objective.HasLogQx || s_terms[i % s_terms.Length] != "log_qx")
            {
                report.Add(s_columns[i], means[i]);
            }
        }
        return report;
    }

    /// <summary>The tensors of a checkpoint, to be read or written in place.</summary>
    IEnumerable<(string Key, Tensor Value)> State()
    {
        var names = Model.named_parameters().Select(parameter => parameter.Item1).ToArray();
        for (var i = 0; i < names.Length; i++)
        {
            yield return (Checkpoint.Weight(names[i]), _weights[i]);
            yield return ($"adam/{names[i]}/exp_avg", _optimiser.Means[i]);
            yield return ($"adam/{names[i]}/exp_avg_sq", _optimiser.Squares[i]);
            if (_average is not null)
            {
                yield return (Checkpoint.Average(names[i]), _average.Averages[i]);
            }
        }
        foreach (var statistic in Checkpoint.Statistics(Model))
        {
            yield return statistic;
        }
    }

    Checkpoint Capture()
    {
        using var scope = NewDisposeScope();
        var arrays = State().ToDictionary(entry => entry.Key, entry => Checkpoint.ToArray(entry.Value));
        arrays.Add("generator/noise", Checkpoint.ToArray(_noise.get_state()));
        arrays.Add("history", NpyArray.From(History(0, _stepInEpoch), _stepInEpoch, s_columns.Length));
        return new Checkpoint(
            new CheckpointState
            {
                Epoch = _epoch,
                StepInEpoch = _stepInEpoch,
                Step = _step,
                Finished = _finished,
                BestEpoch = _stopping.BestEpoch,
                BestLoss = _stopping.BestEpoch > 0 ? _stopping.BestLoss : null,
            },
            arrays);
    }

    static double PeakResidentMiB()
    {
        using var process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64 / (double)(1 << 20);
    }

    /// <summary>The best one first: a last one on disk never knows of a best one that is not.</summary>
    void WriteCheckpoints()
    {
        _best?.Write(_folder.BestCheckpoint);
        _last?.Write(_folder.LastCheckpoint);
        (_last, _best, _written) = (null, null, _time.GetTimestamp());
    }
}
