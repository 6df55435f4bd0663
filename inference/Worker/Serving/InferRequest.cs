using System.Buffers;
using System.Text.Json;
using Mim.Models;

namespace Mim.Inference;

/// <summary>A tensor of the Open Inference Protocol v2.</summary>
/// <param name="Shape">With the batch; null when the tensor is the whole body and has none.</param>
/// <param name="SpaceId">What the caller says of the space of its codes, if anything.</param>
public sealed record InferTensor(string? Name, string Datatype, long[]? Shape, ReadOnlyMemory<float> Data, string? SpaceId);

/// <summary>An output that is wanted.</summary>
/// <param name="Binary">Whether as binary data; null: as the request says for all outputs.</param>
public readonly record struct InferOutput(string Name, bool? Binary);

/// <summary>
/// An infer request, with JSON or binary data. What is wrong with it is an <see cref="InvalidDataException"/> for the caller, never a guess. Its data lie in
/// pooled memory, of the body or of its own.
/// </summary>
public sealed class InferRequest : IDisposable
{
    const string Float32 = "FP32";
    const int BytesOfShortNumber = 8;

    float[] _rented = [];

    InferRequest()
    {
    }

    public string? Id { get; private set; }

    public InferTensor Input { get; private set; } = new(null, Float32, null, default, null);

    /// <summary>Null: all of them.</summary>
    public IReadOnlyList<InferOutput>? Outputs { get; private set; }

    /// <summary>Whether outputs are binary data unless they say otherwise.</summary>
    public bool BinaryOutput { get; private set; }

    /// <summary>How long the caller waits, in microseconds.</summary>
    public long? Timeout { get; private set; }

    /// <param name="body">Must outlive the request: binary data stay there.</param>
    public static InferRequest Parse(InferBody body)
    {
        InferRequest request = new();
        var reader = new InferReader(body.Header);
        try
        {
            if (body.Header.IsEmpty && body.BinaryBytes > 0)
            {
                request.Raw(body);
            }
            else
            {
                request.Read(ref reader, body);
            }
            return request;
        }
        catch (JsonException e)
        {
            request.Dispose();
            throw new InvalidDataException($"not a JSON request: it breaks at byte {reader.Position}.", e);
        }
        catch (InvalidOperationException e)
        {
            request.Dispose();
            throw new InvalidDataException($"not a JSON request: {StrictJson.BadText}", e);
        }
        catch (InvalidDataException)
        {
            request.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        if (_rented.Length > 0)
        {
            ArrayPool<float>.Shared.Return(_rented);
            _rented = [];
        }
    }

    /// <summary>A body without JSON is one tensor, and its answer is of the same kind.</summary>
    void Raw(InferBody body)
    {
        Input = Input with { Data = Floats(body, body.BinaryBytes) };
        BinaryOutput = true;
    }

    void Read(ref InferReader reader, InferBody body)
    {
        reader.Expect(JsonTokenType.StartObject, "the request");
        var inputs = -1;
        while (reader.NextKey() is { } key)
        {
            switch (key)
            {
                case "id":
                    Id = reader.Text("id");
                    break;
                case "inputs":
                    inputs = ReadInputs(ref reader, body);
                    break;
                case "outputs":
                    Outputs = ReadOutputs(ref reader);
                    break;
                case "parameters":
                    ReadParameters(ref reader);
                    break;
                default:
                    throw new InvalidDataException($"unknown key '{key}'; expected id, inputs, outputs or parameters.");
            }
        }
        reader.End();
        if (inputs != 1)
        {
            throw new InvalidDataException(inputs < 0
                ? "'inputs' is missing."
                : $"'inputs': expected one tensor, x to encode or z to decode, found {inputs}.");
        }
    }

    int ReadInputs(ref InferReader reader, InferBody body)
    {
        var count = 0;
        reader.Expect(JsonTokenType.StartArray, "inputs");
        for (; reader.NextObject("inputs"); count++)
        {
            string? name = null, datatype = null, space = null;
            long[]? shape = null;
            ReadOnlyMemory<float>? data = null;
            long? binary = null;
            while (reader.NextKey() is { } key)
            {
                switch (key)
                {
                    case "name":
                        name = reader.Text("inputs.name");
                        break;
                    case "datatype":
                        datatype = reader.Text("inputs.datatype");
                        break;
                    case "shape":
                        shape = reader.Sizes("inputs.shape");
                        break;
                    case "data" when data is null:
                        data = ReadData(ref reader);
                        break;
                    case "data":
                        throw new InvalidDataException("inputs: 'data' occurs twice.");
                    case "parameters":
                        reader.Expect(JsonTokenType.StartObject, "inputs.parameters");
                        while (reader.NextKey() is { } parameter)
                        {
                            switch (parameter)
                            {
                                case "space_id":
                                    space = reader.Text("inputs.parameters.space_id");
                                    break;
                                case "binary_data_size":
                                    binary = reader.Integer("inputs.parameters.binary_data_size");
                                    break;
                                default:
                                    reader.Skip();
                                    break;
                            }
                        }
                        break;
                    default:
                        throw new InvalidDataException($"inputs: unknown key '{key}'; expected name, shape, datatype, data or parameters.");
                }
            }
            if (data is not null && binary is not null)
            {
                throw new InvalidDataException("inputs: expected 'data' or 'binary_data_size', found both.");
            }
            Input = new(
                name ?? throw new InvalidDataException("inputs: 'name' is missing."),
                datatype ?? throw new InvalidDataException("inputs: 'datatype' is missing."),
                shape ?? throw new InvalidDataException("inputs: 'shape' is missing."),
                binary is { } size ? Floats(body, size) : data ?? throw new InvalidDataException("inputs: 'data' is missing."),
                space);
        }
        return count;
    }

    /// <summary>All that lies behind the JSON.</summary>
    static ReadOnlyMemory<float> Floats(InferBody body, long size) => size != body.BinaryBytes
        ? throw new InvalidDataException($"binary data: expected {size} bytes behind the JSON, as binary_data_size says, found {body.BinaryBytes}. "
            + "The header Inference-Header-Content-Length says where they begin.")
        : size % sizeof(float) != 0
        ? throw new InvalidDataException($"binary data: expected float32 values of {sizeof(float)} bytes each, found {size} bytes.")
        : body.Binary;

    ReadOnlyMemory<float> ReadData(ref InferReader reader)
    {
        // Two tensors are refused at the end, but they are read before that.
        Dispose();
        _rented = ArrayPool<float>.Shared.Rent(reader.Left / BytesOfShortNumber + 1);
        var count = reader.Numbers(ref _rented);
        return _rented.AsMemory(0, count);
    }

    static List<InferOutput> ReadOutputs(ref InferReader reader)
    {
        List<InferOutput> outputs = [];
        reader.Expect(JsonTokenType.StartArray, "outputs");
        while (reader.NextObject("outputs"))
        {
            string? name = null;
            bool? binary = null;
            while (reader.NextKey() is { } key)
            {
                if (key == "name")
                {
                    name = reader.Text("outputs.name");
                }
                else if (key == "parameters")
                {
                    reader.Expect(JsonTokenType.StartObject, "outputs.parameters");
                    while (reader.NextKey() is { } parameter)
                    {
                        if (parameter == "binary_data")
                        {
                            binary = reader.Boolean("outputs.parameters.binary_data");
                        }
                        else
                        {
                            reader.Skip();
                        }
                    }
                }
                else
                {
                    throw new InvalidDataException($"outputs: unknown key '{key}'; expected name or parameters.");
                }
            }
            outputs.Add(new(name ?? throw new InvalidDataException("outputs: 'name' is missing."), binary));
        }
        return outputs;
    }

    void ReadParameters(ref InferReader reader)
    {
        reader.Expect(JsonTokenType.StartObject, "parameters");
        while (reader.NextKey() is { } key)
        {
            switch (key)
            {
                case "binary_data_output":
                    BinaryOutput = reader.Boolean("parameters.binary_data_output");
                    break;
                case "timeout":
                    Timeout = reader.Integer("parameters.timeout");
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
    }
}
