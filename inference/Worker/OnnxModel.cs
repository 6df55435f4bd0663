using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Mim.Models;

namespace Mim.Inference;

/// <summary>
/// One graph of a verified package in ONNX Runtime; the only class that knows the engine. Runs read and write <see cref="Buffers"/>, on the CPU in
/// place, through bindings that are made once for each of its sizes. One run at a time.
/// </summary>
public sealed class OnnxModel : IDisposable
{
    const string NvidiaDriver = "/proc/driver/nvidia/version";

    static readonly RunOptions s_runOptions;
    static int s_sessionsConstructed;

    /// <summary>One, or one for each size of <see cref="Buffers"/>.</summary>
    readonly InferenceSession[] _sessions;

    readonly OrtIoBinding?[] _bindings;
    readonly OrtValue?[] _inputs;
    readonly OrtValue?[] _givens;
    readonly List<OrtValue> _values = [];
    readonly int[] _inputShape;
    readonly int[][] _outputShapes;
    readonly int[] _givenShape = [];
    readonly float[] _given = [];

    /// <summary>
    /// ONNX Runtime 1.29 on Linux keeps a device id, a log in the temporary folder and an uploader to its vendor, unless this variable is set
    /// before it starts. .NET's own setter does not reach native code. Whoever has set the variable keeps their choice.
    /// </summary>
    static OnnxModel()
    {
        _ = SetVariable("ORT_DISABLE_TELEMETRY", "1", overwrite: 0);
        s_runOptions = new RunOptions();
    }

    OnnxModel(string name, byte[] graph, string input, string? given, IReadOnlyList<string> outputs, int maxRows, EngineOptions engine)
    {
        var session = CreateSession(graph, engine, out var device);
        List<InferenceSession> sessions = [session];
        Device = device;
        try
        {
            _inputShape = ShapeOf(name, "input", input, session.InputMetadata);
            if (given is not null)
            {
                _givenShape = ShapeOf(name, "input", given, session.InputMetadata);
                _given = GC.AllocateArray<float>(checked(maxRows * Width(_givenShape)), pinned: true);
            }
            Outputs = [.. outputs.Where(session.OutputMetadata.ContainsKey)];
            _outputShapes = [.. Outputs.Select(output => ShapeOf(name, "output", output, session.OutputMetadata))];
            if (Outputs.Count == 0 || Outputs[0] != outputs[0])
            {
                throw Unexpected(name, "output", outputs[0], session.OutputMetadata);
            }
            // A session on a device plans a convolution again whenever a batch has another size than the one before it, which takes 20 times a run.
            var isApart = device == Device.Cuda && OnnxScanner.Scan(graph, name).Ops.Keys.Any(op => op is "Conv" or "ConvTranspose");
            Buffers = new BatchBuffers(isApart ? Buckets.Apart(maxRows) : Buckets.UpTo(maxRows), Width(_inputShape), [.. _outputShapes.Select(Width)]);
            while (isApart && sessions.Count < Buffers.Sizes.Count)
            {
                sessions.Add(CreateSession(graph, engine, out _));
            }
        }
        catch
        {
            sessions.ForEach(made => made.Dispose());
            throw;
        }
        _sessions = [.. sessions];
        (Input, GivenInput) = (input, given);
        _bindings = new OrtIoBinding?[Buffers.Sizes.Count];
        (_inputs, _givens) = (new OrtValue?[_bindings.Length], new OrtValue?[_bindings.Length]);
    }

    /// <summary>Name and version of the engine, for reports.</summary>
    public static string Engine => $"ONNX Runtime {OrtEnv.Instance().GetVersionString()}";

    /// <summary>How many sessions this process has made: zero after a hostile package proves that no engine saw it.</summary>
    public static int SessionsConstructed => Volatile.Read(ref s_sessionsConstructed);

    public string Input { get; }

    /// <summary>The second input of an autoregressive decoder; null for any other graph.</summary>
    public string? GivenInput { get; }

    /// <summary>The outputs that the graph has, the mean first.</summary>
    public IReadOnlyList<string> Outputs { get; }

    public BatchBuffers Buffers { get; }

    /// <summary>Never <see cref="Device.Auto"/>.</summary>
    public Device Device { get; }

    /// <summary>Shape of one row of the input.</summary>
    public ReadOnlySpan<int> InputShape => _inputShape.AsSpan(1);

    public ReadOnlySpan<int> OutputShape(int output) => _outputShapes[output].AsSpan(1);

    /// <summary>x → z_mean (B, Z) and, unless the encoder is deterministic, z_log_var (B, Z).</summary>
    public static OnnxModel Encoder(ModelPackage package, int maxRows, EngineOptions engine) =>
        new(Path.Combine(package.Folder, ModelPackage.EncoderFile), Self(package, package.Encoder), TensorNames.X, null,
            [TensorNames.ZMean, TensorNames.ZLogVar], maxRows, engine);

    /// <summary>
    /// z → x_mean (B, ...x) in raw units, and the likelihood's other parameters; given <see cref="Given"/> when it is autoregressive.
    /// </summary>
    public static OnnxModel Decoder(ModelPackage package, int maxRows, EngineOptions engine) =>
        new(Path.Combine(package.Folder, ModelPackage.DecoderFile), Self(package, package.Decoder ?? throw NoDecoder(package)), TensorNames.Z,
            package.Manifest.Autoregressive ? TensorNames.XGiven : null,
            [.. TensorNames.Reconstruction], maxRows, engine);

    /// <summary>The first rows of <see cref="GivenInput"/>, which the caller writes before a run; empty for a graph without one.</summary>
    public Memory<float> Given(int rows) => _given.AsMemory(0, rows * GivenWidth);

    /// <summary>Computes the outputs of the first <paramref name="rows"/> rows in <see cref="Buffers"/>, and of as many behind them as fill a bucket.</summary>
    public void Run(int rows)
    {
        var bucket = Buffers.Bucket(rows);
        if (_bindings[bucket] is not { } binding)
        {
            binding = _bindings[bucket] = Bind(bucket);
        }
        else if (Device == Device.Cuda)
        {
            BindInputs(binding, bucket);
        }
        Session(bucket).RunWithBinding(s_runOptions, binding);
    }

    /// <summary>Computes a whole array, in batches of at most <paramref name="batch"/> rows; one array for each output.</summary>
    public float[][] RunAll(ReadOnlySpan<float> input, int batch, ReadOnlySpan<float> given = default)
    {
        var rows = input.Length / Buffers.InputWidth;
        var outputs = new float[Outputs.Count][];
        for (var i = 0; i < outputs.Length; i++)
        {
            outputs[i] = new float[rows * Buffers.OutputWidths[i]];
        }
        for (var first = 0; first < rows; first += batch)
        {
            var count = Math.Min(batch, rows - first);
            input.Slice(first * Buffers.InputWidth, count * Buffers.InputWidth).CopyTo(Buffers.Input(count).Span);
            given.Slice(first * GivenWidth, count * GivenWidth).CopyTo(Given(count).Span);
            Run(count);
            for (var i = 0; i < outputs.Length; i++)
            {
                Buffers.Output(i, count).Span.CopyTo(outputs[i].AsSpan(first * Buffers.OutputWidths[i]));
            }
        }
        return outputs;
    }

    /// <summary>Runs zeros at every size, the largest first, so that no caller pays for the first allocation or kernel choice.</summary>
    public void WarmUp()
    {
        Buffers.Input(Buffers.MaxRows).Span.Clear();
        Given(Buffers.MaxRows).Span.Clear();
        foreach (var rows in Buffers.Sizes.Reverse())
        {
            Run(rows);
        }
    }

    public void Dispose()
    {
        foreach (var binding in _bindings)
        {
            binding?.Dispose();
        }
        foreach (var value in _values)
        {
            value.Dispose();
        }
        foreach (var session in _sessions)
        {
            session.Dispose();
        }
    }

    internal static InferenceSession CreateSession(byte[] graph, EngineOptions engine, out Device device)
    {
        using var options = new SessionOptions
        {
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
            IntraOpNumThreads = engine.Threads,
            InterOpNumThreads = 1,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
        };
        if (!engine.Spins)
        {
            options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
        }
        var chosen = device = Choose(engine.Device, options);
        Interlocked.Increment(ref s_sessionsConstructed);
        try
        {
            return new InferenceSession(graph, options);
        }
        catch (OnnxRuntimeException e) when (chosen == Device.Cpu)
        {
            // On a device it may be the device's fault, which passes.
            throw new InvalidDataException($"the engine refuses the graph: {e.Message}", e);
        }
    }

    InferenceSession Session(int bucket) => _sessions[_sessions.Length == 1 ? 0 : bucket];

    OrtIoBinding Bind(int bucket)
    {
        var rows = Buffers.Sizes[bucket];
        _inputs[bucket] = Tensor(Buffers.Input(rows), rows, _inputShape);
        if (GivenInput is not null)
        {
            _givens[bucket] = Tensor(Given(rows), rows, _givenShape);
        }
        var binding = Session(bucket).CreateIoBinding();
        BindInputs(binding, bucket);
        for (var i = 0; i < Outputs.Count; i++)
        {
            binding.BindOutput(Outputs[i], Tensor(Buffers.Output(i, rows), rows, _outputShapes[i]));
        }
        return binding;
    }

    /// <summary>Once on the CPU, which reads the buffers in place. Anywhere else, before each run: binding is what copies them to the device.</summary>
    void BindInputs(OrtIoBinding binding, int bucket)
    {
        binding.BindInput(Input, _inputs[bucket]);
        if (GivenInput is not null)
        {
            binding.BindInput(GivenInput, _givens[bucket]);
        }
    }

    OrtValue Tensor(Memory<float> memory, int rows, int[] shape)
    {
        var value = OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, memory, [rows, .. shape.Skip(1).Select(size => (long)size)]);
        _values.Add(value);
        return value;
    }

    static Device Choose(Device wanted, SessionOptions options)
    {
        if (wanted == Device.Cpu || (wanted == Device.Auto && !File.Exists(NvidiaDriver)))
        {
            return Device.Cpu;
        }
        try
        {
            using var cuda = new OrtCUDAProviderOptions();
            cuda.UpdateOptions(new()
            {
                // EXHAUSTIVE measures again for every new batch size; TensorFloat-32 keeps 10 bits and fails parity.
                ["cudnn_conv_algo_search"] = "HEURISTIC",
                ["arena_extend_strategy"] = "kSameAsRequested",
                ["use_tf32"] = "0",
            });
            options.AppendExecutionProvider_CUDA(cuda);
            return Device.Cuda;
        }
        catch (OnnxRuntimeException) when (wanted == Device.Auto)
        {
            // This engine has no CUDA provider, or the provider finds no CUDA.
            return Device.Cpu;
        }
        catch (OnnxRuntimeException e)
        {
            throw new UsageException($"--device cuda: {e.Message.Trim().TrimEnd('.')}. Run ./mim setup --engines cuda, or use --device cpu.", e);
        }
    }

    /// <summary>Batch and row dimensions; the first is symbolic.</summary>
    static int[] ShapeOf(string name, string kind, string tensor, IReadOnlyDictionary<string, NodeMetadata> nodes) =>
        nodes.TryGetValue(tensor, out var node) && node.ElementType == typeof(float) && node.Dimensions is [-1, .. var row] && row.All(size => size > 0)
            ? node.Dimensions
            : throw Unexpected(name, kind, tensor, nodes);

    int GivenWidth => GivenInput is null ? 0 : Width(_givenShape);

    static int Width(int[] shape) => shape.Skip(1).Aggregate(1, (product, size) => checked(product * size));

    /// <summary>A session over bytes would look for external weights in the working directory, where nothing has been verified.</summary>
    static byte[] Self(ModelPackage package, byte[] graph) => package.ExternalData.Count == 0
        ? graph
        : throw new InvalidDataException(
            $"{package.Folder}: keeps weights outside its graphs, which this worker does not load. Export the weights inside the graphs.");

    static InvalidDataException NoDecoder(ModelPackage package) =>
        new($"{package.Folder}: a decoder expected, but the package is '{package.Manifest.Kind}'. Export an autoencoder.");

    static InvalidDataException Unexpected(string name, string kind, string tensor, IReadOnlyDictionary<string, NodeMetadata> nodes) =>
        new($"{name}: expected float {kind} '{tensor}' of shape [batch, n...], found {string.Join(", ", nodes.Select(Describe))}. Export it again.");

    static string Describe(KeyValuePair<string, NodeMetadata> node) => $"'{node.Key}' {node.Value.ElementType.Name} [{string.Join(", ", node.Value.Dimensions)}]";

    [DllImport("libc", EntryPoint = "setenv")]
    static extern int SetVariable(
        [MarshalAs(UnmanagedType.LPUTF8Str)] string name, [MarshalAs(UnmanagedType.LPUTF8Str)] string value, int overwrite);
}
