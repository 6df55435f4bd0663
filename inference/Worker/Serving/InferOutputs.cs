using System.Buffers;

namespace Mim.Inference;

/// <summary>Pooled memory for the outputs that a request wants, and whether each is to be binary.</summary>
sealed class InferOutputs : IDisposable
{
    readonly float[]?[] _rented;
    readonly bool[] _binary;

    /// <exception cref="InvalidDataException">An output is unknown, or the rows do not fit in memory.</exception>
    public InferOutputs(InferRequest request, OnnxModel model, int rows)
    {
        foreach (var output in request.Outputs ?? [])
        {
            if (!model.Outputs.Contains(output.Name))
            {
                throw new InvalidDataException($"unknown output '{output.Name}'; expected {string.Join(", ", model.Outputs)}.");
            }
        }
        _rented = new float[model.Outputs.Count][];
        _binary = new bool[model.Outputs.Count];
        Values = new Memory<float>[model.Outputs.Count];
        for (var i = 0; i < Values.Length; i++)
        {
            if (Wanted(request, model.Outputs[i], out _binary[i]))
            {
                Rent(i, model.Outputs[i], rows, model.Buffers.OutputWidths[i]);
            }
        }
    }

    /// <summary>One for each of the model's outputs; empty where it is not wanted.</summary>
    public Memory<float>[] Values { get; }

    public bool IsBinary(int output) => _binary[output] && !Values[output].IsEmpty;

    public void Dispose()
    {
        for (var i = 0; i < _rented.Length; i++)
        {
            if (_rented[i] is { } values)
            {
                ArrayPool<float>.Shared.Return(values);
                _rented[i] = null;
            }
            Values[i] = default;
        }
    }

    static bool Wanted(InferRequest request, string name, out bool binary)
    {
        binary = request.BinaryOutput;
        if (request.Outputs is null)
        {
            return true;
        }
        foreach (var output in request.Outputs)
        {
            if (output.Name == name)
            {
                binary = output.Binary ?? binary;
                return true;
            }
        }
        return false;
    }

    void Rent(int output, string name, int rows, int width)
    {
        var size = (long)rows * width;
        if (size > Array.MaxLength / sizeof(float))
        {
            Dispose();
            throw new InvalidDataException($"{name}: {rows} rows of {width} values do not fit in one answer; send fewer.");
        }
        var values = _rented[output] = ArrayPool<float>.Shared.Rent((int)size);
        Values[output] = values.AsMemory(0, (int)size);
    }
}
