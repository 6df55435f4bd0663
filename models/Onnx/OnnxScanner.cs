namespace Mim.Models;

/// <summary>
/// Vets an ONNX file before any engine sees it: a bounded reader of the protobuf encoding (field numbers of onnx.proto3) that knows exactly the
/// subset an encoder or decoder needs. What it does not know it refuses: foreign operator domains, functions, training graphs, subgraphs
/// (so depth is bounded by the subset itself), sparse and string tensors. It does not infer shapes: operators that are told how much to
/// allocate are not on the list, but a graph whose sizes multiply (a chain of Concat) is bounded only by the memory limit of the process.
/// </summary>
public static class OnnxScanner
{
    public const int MinOpset = 13;
    public const int MaxOpset = 18;
    public const int MinIrVersion = 7;
    public const int MaxIrVersion = 8;

    const int MaxNodes = 1 << 14;
    const int MaxInitializers = 1 << 14;
    const int MaxPorts = 16;
    const int MaxNodePorts = 256;
    const int MaxAttributes = 32;
    const int MaxAttributeValues = 1 << 12;
    const int MaxRank = 8;
    const int MaxName = 512;
    const int MaxMetadata = 128;
    const int MaxText = 1 << 16;

    /// <summary>Elements of one row of an input or output.</summary>
    const long MaxRowElements = 1L << 28;

    /// <summary>Elements of one weight: 256 GiB of float32, far beyond what a listed file may hold.</summary>
    const long MaxElements = 1L << 36;

    /// <summary>A stride, padding or kernel beyond this would make an engine allocate without bound.</summary>
    const long MaxExtent = 1 << 12;

    const int Float = 1;
    const int Int64 = 7;

    /// <summary>AttributeProto.AttributeType.</summary>
    const int FloatAttribute = 1, IntAttribute = 2, StringAttribute = 3, TensorAttribute = 4, FloatsAttribute = 6, IntsAttribute = 7;

    /// <summary>
    /// What encoders and decoders are made of. No random numbers (sampling stays on the host), no control flow, and no Expand, Tile, Range, Pad,
    /// Resize or ConstantOfShape, whose constants are allocation requests.
    /// </summary>
    static readonly HashSet<string> s_operators = new(StringComparer.Ordinal)
    {
        "Abs", "Add", "And", "ArgMax", "ArgMin", "AveragePool", "BatchNormalization", "Cast", "Ceil", "Clip", "Concat", "Constant", "Conv",
        "ConvTranspose", "Cos", "DepthToSpace", "Div", "Elu", "Equal", "Erf", "Exp", "Flatten", "Floor", "Gather", "Gemm", "GlobalAveragePool",
        "GlobalMaxPool", "Greater", "GreaterOrEqual", "HardSigmoid", "HardSwish", "Identity", "InstanceNormalization", "IsInf", "IsNaN",
        "LayerNormalization", "LeakyRelu", "Less", "LessOrEqual", "Log", "LogSoftmax", "MatMul", "Max", "MaxPool", "Mean", "Min", "Mish", "Mul", "Neg",
        "Not", "Or", "PRelu", "Pow", "Reciprocal", "ReduceL2", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum",
        "ReduceSumSquare", "Relu", "Reshape", "Round", "Selu", "Shape", "Sigmoid", "Sign", "Sin", "Slice", "Softmax", "Softplus", "Softsign",
        "SpaceToDepth", "Split", "Sqrt", "Squeeze", "Sub", "Sum", "Tanh", "ThresholdedRelu", "Transpose", "Unsqueeze", "Where", "Xor",
    };

    static readonly HashSet<string> s_extents = new(StringComparer.Ordinal)
    {
        "pads", "strides", "dilations", "kernel_shape", "output_padding", "output_shape", "blocksize", "group",
    };

    /// <param name="model">The file's bytes.</param>
    /// <param name="name">What error messages call it.</param>
    /// <exception cref="InvalidDataException">Names the file, the byte and what was found there.</exception>
    public static OnnxSummary Scan(ReadOnlySpan<byte> model, string name)
    {
        var reader = new ProtoReader(model, name);
        var graph = new ProtoReader([], name);
        var (ir, opset, hasGraph) = (0, 0, false);
        Dictionary<string, string> metadata = new(StringComparer.Ordinal);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    reader.Once("the IR version");
                    ir = Within(ref reader, "the IR version", MinIrVersion, MaxIrVersion);
                    break;
                case 2 or 3 or 4 or 6:
                    reader.Once("a description of the model");
                    reader.Text("a description of the model", MaxText);
                    break;
                case 5:
                    reader.Once("the model's version");
                    reader.Varint("the model's version");
                    break;
                case 7:
                    reader.Once("the graph");
                    graph = reader.Message("the graph");
                    hasGraph = true;
                    break;
                case 8:
                    reader.Once("the operator set");
                    opset = OperatorSet(reader.Message("the operator set"));
                    break;
                case 14:
                    AddPair(reader.Message("metadata"), metadata, MaxMetadata);
                    break;
                case 20:
                    throw reader.Bad("training information is not loaded");
                case 25:
                    throw reader.Bad("functions are not loaded");
                default:
                    throw reader.Unknown("model");
            }
        }
        if (ir == 0 || opset == 0 || !hasGraph)
        {
            throw reader.Bad($"expected an IR version, an operator set and a graph, found {(ir == 0 ? "no IR version" : opset == 0 ? "no operator set" : "no graph")}");
        }
        var names = new Names();
        Declarations(graph, names);
        Nodes(graph, names);
        foreach (var output in names.Outputs)
        {
            if (!names.Produced.Contains(output.Name))
            {
                throw graph.Bad($"no node produces the output '{output.Name}'");
            }
        }
        return new OnnxSummary(ir, opset, names.Inputs, names.Outputs, names.Operators, names.InitializerBytes, metadata, names.ExternalData);
    }

    static int Within(ref ProtoReader reader, string what, int min, int max)
    {
        var value = reader.Varint(what);
        return value >= (ulong)min && value <= (ulong)max ? (int)value : throw reader.Bad($"{what}: expected {min} to {max}, found {(long)value}");
    }

    static int OperatorSet(ProtoReader reader)
    {
        var version = 0;
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    reader.Once("a domain");
                    Domain(ref reader);
                    break;
                case 2:
                    reader.Once("a version");
                    version = Within(ref reader, "the opset", MinOpset, MaxOpset);
                    break;
                default:
                    throw reader.Unknown("operator set");
            }
        }
        return version > 0 ? version : throw reader.Bad("an operator set without a version");
    }

    static void Domain(ref ProtoReader reader)
    {
        var domain = reader.Text("a domain", MaxName);
        if (domain is not ("" or "ai.onnx"))
        {
            throw reader.Bad($"operator domain '{domain}': expected only ai.onnx");
        }
    }

    static void AddPair(ProtoReader reader, Dictionary<string, string> pairs, int max)
    {
        string? key = null;
        var value = "";
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    reader.Once("a key");
                    key = reader.Text("a key", MaxName);
                    break;
                case 2:
                    reader.Once("a value");
                    value = reader.Text("a value", MaxText);
                    break;
                default:
                    throw reader.Unknown("key and value");
            }
        }
        if (string.IsNullOrEmpty(key) || pairs.Count == max || !pairs.TryAdd(key, value))
        {
            throw reader.Bad(pairs.Count == max ? $"more than {max} keys" : $"key '{key}' is empty or occurs twice");
        }
    }

    /// <summary>Inputs, outputs and weights may stand before or after the nodes that use them, so they are gathered first.</summary>
    static void Declarations(ProtoReader graph, Names names)
    {
        while (graph.Next())
        {
            switch (graph.Field)
            {
                case 1:
                    graph.Bytes("a node");
                    break;
                case 2 or 10:
                    graph.Once("a description of the graph");
                    graph.Text("a description of the graph", MaxText);
                    break;
                case 5:
                    if (names.Initializers++ == MaxInitializers)
                    {
                        throw graph.Bad($"more than {MaxInitializers} initializers");
                    }
                    Tensor(graph.Message("an initializer"), names, isInitializer: true);
                    break;
                case 11:
                    var input = Port(graph.Message("an input"));
                    names.Define(input.Name, ref graph);
                    names.Inputs.Add(input);
                    break;
                case 12:
                    names.Outputs.Add(Port(graph.Message("an output")));
                    break;
                case 15:
                    throw graph.Bad("sparse weights are not loaded");
                default:
                    throw graph.Unknown("graph");
            }
            if (names.Inputs.Count > MaxPorts || names.Outputs.Count > MaxPorts)
            {
                throw graph.Bad($"more than {MaxPorts} inputs or outputs");
            }
        }
        if (names.Inputs.Count == 0 || names.Outputs.Count == 0)
        {
            throw graph.Bad("expected a graph with inputs and outputs");
        }
        if (names.Outputs.DistinctBy(output => output.Name).Count() != names.Outputs.Count)
        {
            throw graph.Bad("an output occurs twice");
        }
    }

    static void Nodes(ProtoReader graph, Names names)
    {
        var count = 0;
        while (graph.Next())
        {
            if (graph.Field == 1)
            {
                if (count++ == MaxNodes)
                {
                    throw graph.Bad($"more than {MaxNodes} nodes");
                }
                Node(graph.Message("a node"), names);
            }
            else
            {
                graph.Bytes("a declaration");
            }
        }
    }

    static void Node(ProtoReader reader, Names names)
    {
        var op = "";
        List<string> inputs = [];
        List<string> outputs = [];
        HashSet<string> attributes = new(StringComparer.Ordinal);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    inputs.Add(reader.Text("a node's input", MaxName));
                    break;
                case 2:
                    outputs.Add(reader.Text("a node's output", MaxName));
                    break;
                case 3 or 6:
                    reader.Once("a description of a node");
                    reader.Text("a description of a node", MaxText);
                    break;
                case 4:
                    reader.Once("an operator");
                    op = reader.Text("an operator", MaxName);
                    break;
                case 5:
                    var attribute = Attribute(reader.Message("an attribute"), names);
                    if (attributes.Count == MaxAttributes || !attributes.Add(attribute))
                    {
                        throw reader.Bad($"attribute '{attribute}' occurs twice, or a node has more than {MaxAttributes}");
                    }
                    break;
                case 7:
                    reader.Once("a node's domain");
                    Domain(ref reader);
                    break;
                default:
                    throw reader.Unknown("node");
            }
            if (inputs.Count > MaxNodePorts || outputs.Count > MaxNodePorts)
            {
                throw reader.Bad($"a node with more than {MaxNodePorts} inputs or outputs");
            }
        }
        if (!s_operators.Contains(op))
        {
            throw reader.Bad($"operator '{op}' is not among those an encoder or decoder needs.{Nearest.Hint(op, s_operators.Where(known => known[0] == op.FirstOrDefault()))}");
        }
        foreach (var input in inputs)
        {
            // An empty name is an optional input that is not given.
            if (input.Length > 0 && !names.Defined.Contains(input))
            {
                throw reader.Bad($"'{op}' uses '{input}', which no input, weight or earlier node defines");
            }
        }
        if (!outputs.Exists(output => output.Length > 0))
        {
            throw reader.Bad($"'{op}' has no output");
        }
        foreach (var output in outputs.Where(output => output.Length > 0))
        {
            names.Define(output, ref reader);
            names.Produced.Add(output);
        }
        names.Operators[op] = names.Operators.GetValueOrDefault(op) + 1;
    }

    static string Attribute(ProtoReader reader, Names names)
    {
        var (attributeName, type, valueType, count, extent) = ("", 0, 0, 0, 0L);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    reader.Once("an attribute's name");
                    attributeName = reader.Text("an attribute's name", MaxName);
                    continue;
                case 13:
                    reader.Once("a description of an attribute");
                    reader.Text("a description of an attribute", MaxText);
                    continue;
                case 20:
                    reader.Once("an attribute's type");
                    type = reader.Number("an attribute's type", IntsAttribute);
                    continue;
                case 6 or 11:
                    throw reader.Bad("subgraphs are not loaded");
            }
            var found = 0;
            switch (reader.Field)
            {
                case 2:
                    reader.Once("an attribute's number");
                    reader.Fixed32("an attribute's number");
                    found = FloatAttribute;
                    break;
                case 3:
                    reader.Once("an attribute's integer");
                    extent = Extent(extent, reader.Varint("an attribute's integer"));
                    found = IntAttribute;
                    break;
                case 4:
                    reader.Once("an attribute's text");
                    reader.Text("an attribute's text", MaxName);
                    found = StringAttribute;
                    break;
                case 5:
                    reader.Once("an attribute's tensor");
                    Tensor(reader.Message("an attribute's tensor"), names, isInitializer: false);
                    found = TensorAttribute;
                    break;
                case 7 when reader.WireType == ProtoReader.Fixed32Type:
                    reader.Fixed32("an attribute's numbers");
                    (found, count) = (FloatsAttribute, count + 1);
                    break;
                case 7:
                    var floats = reader.Bytes("an attribute's numbers").Length;
                    (found, count) = (FloatsAttribute, floats % sizeof(float) == 0 ? count + floats / sizeof(float) : throw reader.Bad("an attribute's numbers are cut off"));
                    break;
                case 8 when reader.WireType == ProtoReader.VarintType:
                    extent = Extent(extent, reader.Varint("an attribute's integers"));
                    (found, count) = (IntsAttribute, count + 1);
                    break;
                case 8:
                    var packed = reader.Message("an attribute's integers");
                    while (packed.NextPacked(out var value))
                    {
                        extent = Extent(extent, value);
                        count++;
                    }
                    found = IntsAttribute;
                    break;
                default:
                    throw reader.Unknown("attribute");
            }
            if (valueType != 0 && valueType != found || count > MaxAttributeValues)
            {
                throw reader.Bad(count > MaxAttributeValues ? $"more than {MaxAttributeValues} values in an attribute" : $"attribute '{attributeName}' has values of two types");
            }
            valueType = found;
        }
        if (attributeName.Length == 0 || type is 0 or 5 || valueType != 0 && valueType != type || valueType == 0 && type == TensorAttribute)
        {
            throw reader.Bad($"attribute '{attributeName}' of type {type} has a value of type {valueType}");
        }
        if (extent > MaxExtent && s_extents.Contains(attributeName))
        {
            throw reader.Bad($"attribute '{attributeName}': expected at most {MaxExtent}, found {extent}");
        }
        return attributeName;
    }

    /// <summary>The largest magnitude so far; the most negative long has none and stands for itself.</summary>
    static long Extent(long largest, ulong value) => Math.Max(largest, (long)value == long.MinValue ? long.MaxValue : Math.Abs((long)value));

    static void Tensor(ProtoReader reader, Names names, bool isInitializer)
    {
        var (tensorName, type, rank, elements, external) = ("", 0, 0, 1L, false);
        // What is there, in bytes for raw data and in elements otherwise; -1 when absent.
        var (raw, floats, integers) = (-1L, -1L, -1L);
        Dictionary<string, string> location = new(StringComparer.Ordinal);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1 when reader.WireType == ProtoReader.VarintType:
                    elements = Dimension(ref reader, reader.Varint("a dimension"), elements, ref rank);
                    break;
                case 1:
                    var dims = reader.Message("dimensions");
                    while (dims.NextPacked(out var dim))
                    {
                        elements = Dimension(ref dims, dim, elements, ref rank);
                    }
                    break;
                case 2:
                    reader.Once("a tensor's type");
                    type = reader.Number("a tensor's type", int.MaxValue);
                    break;
                case 4:
                    reader.Once("a tensor's numbers");
                    var bytes = reader.Bytes("a tensor's numbers").Length;
                    floats = bytes % sizeof(float) == 0 ? bytes / sizeof(float) : throw reader.Bad("a tensor's numbers are cut off");
                    break;
                case 7:
                    reader.Once("a tensor's integers");
                    var packed = reader.Message("a tensor's integers");
                    for (integers = 0; packed.NextPacked(out _); integers++)
                    {
                    }
                    break;
                case 8:
                    reader.Once("a tensor's name");
                    tensorName = reader.Text("a tensor's name", MaxName);
                    break;
                case 9:
                    reader.Once("a tensor's data");
                    raw = reader.Bytes("a tensor's data").Length;
                    break;
                case 12:
                    reader.Once("a description of a tensor");
                    reader.Text("a description of a tensor", MaxText);
                    break;
                case 13:
                    AddPair(reader.Message("external data"), location, max: 4);
                    break;
                case 14:
                    reader.Once("a tensor's location");
                    external = reader.Number("a tensor's location", 1) == 1;
                    break;
                default:
                    throw reader.Unknown("tensor");
            }
        }
        var size = SizeOf(type);
        if (size == 0)
        {
            throw reader.Bad($"tensor '{tensorName}' has elements of type {type}, which is not loaded");
        }
        var what = $"tensor '{tensorName}' of {elements} elements of {size} bytes";
        if (external != location.Count > 0 || external && (raw >= 0 || floats >= 0 || integers >= 0))
        {
            throw reader.Bad($"{what} does not say clearly whether its data are in the file");
        }
        if (external)
        {
            names.ExternalData.Add(isInitializer ? External(ref reader, location, elements * size, what) : throw reader.Bad("a constant's data must be in the file"));
        }
        else
        {
            var fits = (raw, floats, integers) switch
            {
                ( >= 0, -1, -1) => raw == elements * size,
                (-1, >= 0, -1) => type == Float && floats == elements,
                (-1, -1, >= 0) => type == Int64 && integers == elements,
                _ => false,
            };
            if (!fits)
            {
                throw reader.Bad($"{what}: found {(raw >= 0 ? $"{raw} bytes" : $"{Math.Max(floats, 0) + Math.Max(integers, 0)} values")}");
            }
        }
        names.InitializerBytes += elements * size;
        if (isInitializer)
        {
            names.Define(tensorName, ref reader);
        }
    }

    static long Dimension(ref ProtoReader reader, ulong dim, long elements, ref int rank)
    {
        if (++rank > MaxRank)
        {
            throw reader.Bad($"a tensor of more than {MaxRank} dimensions");
        }
        if (dim is 0 or > (ulong)MaxElements || elements > MaxElements / (long)dim)
        {
            throw reader.Bad($"a dimension of {(long)dim} after {elements} elements: expected 1 or more and at most {MaxElements} elements in all");
        }
        return elements * (long)dim;
    }

    static OnnxExternalData External(ref ProtoReader reader, Dictionary<string, string> pairs, long expected, string what)
    {
        var path = pairs.GetValueOrDefault("location", "");
        if (!PackagePath.IsSafe(path))
        {
            throw reader.Bad($"{what}: external data in '{path}': expected a file inside the package's folder");
        }
        var offset = 0L;
        if (pairs.TryGetValue("offset", out var text) && !PackagePath.TryNumber(text, out offset) || !PackagePath.TryNumber(pairs.GetValueOrDefault("length", ""), out var length))
        {
            throw reader.Bad($"{what}: external data from offset '{pairs.GetValueOrDefault("offset", "0")}' of length '{pairs.GetValueOrDefault("length", "")}': expected numbers of 0 or more");
        }
        if (length != expected || offset > long.MaxValue - length)
        {
            throw reader.Bad($"{what}: external data of length {length} from offset {offset}: expected {expected} bytes");
        }
        return new OnnxExternalData(path, offset, length);
    }

    static OnnxTensor Port(ProtoReader reader)
    {
        var portName = "";
        long[]? shape = null;
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    reader.Once("a name");
                    portName = reader.Text("a name", MaxName);
                    break;
                case 2:
                    reader.Once("a type");
                    shape = Type(reader.Message("a type"));
                    break;
                case 3:
                    reader.Once("a description");
                    reader.Text("a description", MaxText);
                    break;
                default:
                    throw reader.Unknown("input or output");
            }
        }
        return portName.Length > 0 && shape is not null ? new OnnxTensor(portName, shape) : throw reader.Bad($"input or output '{portName}' lacks a name or a shape");
    }

    static long[]? Type(ProtoReader reader)
    {
        long[]? shape = null;
        while (reader.Next())
        {
            if (reader.Field != 1)
            {
                throw reader.Bad("an input or output that is not a tensor");
            }
            reader.Once("a tensor's type");
            shape = TensorType(reader.Message("a tensor's type"));
        }
        return shape;
    }

    static long[]? TensorType(ProtoReader reader)
    {
        long[]? shape = null;
        var type = 0;
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    reader.Once("an element type");
                    type = reader.Number("an element type", int.MaxValue);
                    break;
                case 2:
                    reader.Once("a shape");
                    shape = Shape(reader.Message("a shape"));
                    break;
                default:
                    throw reader.Unknown("tensor's type");
            }
        }
        return type == Float ? shape : throw reader.Bad($"expected inputs and outputs of float32 (type 1), found type {type}");
    }

    static long[] Shape(ProtoReader reader)
    {
        List<long> sizes = [];
        var elements = 1L;
        var first = true;
        while (reader.Next())
        {
            var (value, symbol) = reader.Field == 1 ? Size(reader.Message("a dimension")) : throw reader.Unknown("shape");
            if (first)
            {
                if (symbol != TensorNames.Batch)
                {
                    throw reader.Bad($"expected the symbolic first dimension '{TensorNames.Batch}', found {(symbol is null ? value : $"'{symbol}'")}");
                }
                first = false;
                continue;
            }
            if (symbol is not null || value < 1 || value > MaxRowElements / elements || sizes.Count == MaxRank)
            {
                throw reader.Bad($"expected a dimension of 1 or more and at most {MaxRowElements} elements in a row, found {(symbol is null ? value : $"'{symbol}'")}");
            }
            elements *= value;
            sizes.Add(value);
        }
        return first ? throw reader.Bad($"expected the first dimension '{TensorNames.Batch}', found a single number") : [.. sizes];
    }

    static (long Value, string? Symbol) Size(ProtoReader reader)
    {
        var value = 0L;
        string? symbol = null;
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1 when symbol is null:
                    reader.Once("a size");
                    value = (long)reader.Varint("a size");
                    break;
                case 2 when value == 0:
                    reader.Once("a symbol");
                    symbol = reader.Text("a symbol", MaxName);
                    break;
                default:
                    throw reader.Unknown("dimension");
            }
        }
        return (value, symbol);
    }

    /// <summary>Bytes of one element of TensorProto.DataType; 0 for the types that are not loaded.</summary>
    static int SizeOf(int type) => type switch
    {
        1 or 6 => 4,      // float32, int32
        2 or 3 or 9 => 1, // uint8, int8, bool
        7 or 11 => 8,     // int64, float64
        10 => 2,          // float16
        _ => 0,
    };

    /// <summary>What has been seen of one graph. Every name is defined once.</summary>
    sealed class Names
    {
        public HashSet<string> Defined { get; } = new(StringComparer.Ordinal);
        public HashSet<string> Produced { get; } = new(StringComparer.Ordinal);
        public List<OnnxTensor> Inputs { get; } = [];
        public List<OnnxTensor> Outputs { get; } = [];
        public List<OnnxExternalData> ExternalData { get; } = [];
        public SortedDictionary<string, int> Operators { get; } = new(StringComparer.Ordinal);
        public int Initializers { get; set; }
        public long InitializerBytes { get; set; }

        public void Define(string name, ref ProtoReader reader)
        {
            if (name.Length == 0 || !Defined.Add(name))
            {
                throw reader.Bad($"the name '{name}' is empty or defined twice");
            }
        }
    }
}
