using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace Mim.Models;

/// <summary>
/// Names the space that an encoder maps to: SHA-256 over its weights, graph and preprocessing. Two embeddings are comparable only if their space
/// ids are equal. Descriptions do not count: names of the model, the graph and its nodes, documentation, producer, metadata. The decoder does not
/// count either, because the same encoder gives the same vectors whatever reads them.
/// </summary>
public static class SpaceId
{
    /// <summary>Length of the prefix that a version carries.</summary>
    public const int ShortLength = 8;

    /// <summary>Any change to what is hashed, or how, changes this line and with it every id.</summary>
    const string Domain = "mim space 1";

    const int Opset = -1, External = -2, Step = -3, End = -4;

    enum Part
    {
        Graph,
        Node,
        Attribute,
        Tensor,
        Port,
        Plain,
        Description,
    }

    /// <param name="encoder">The bytes of encoder.onnx.</param>
    /// <param name="preprocessing">The chain in the manifest.</param>
    /// <param name="externalSha256">Hashes of the files that hold weights outside encoder.onnx, by their path in the package.</param>
    /// <exception cref="InvalidDataException">The bytes are not a model that <see cref="OnnxScanner"/> lets pass.</exception>
    public static string Compute(
        ReadOnlySpan<byte> encoder, IReadOnlyList<PreprocessingStep> preprocessing, IReadOnlyDictionary<string, string>? externalSha256 = null)
    {
        var summary = OnnxScanner.Scan(encoder, ModelPackage.EncoderFile);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        AppendText(hash, 0, Domain);
        AppendNumber(hash, Opset, summary.Opset);
        var model = new ProtoReader(encoder, ModelPackage.EncoderFile);
        while (model.Next())
        {
            if (model.Field == 7)
            {
                Append(hash, model.Message("the graph"), Part.Graph);
            }
            else
            {
                Skip(ref model);
            }
        }
        foreach (var location in summary.ExternalData.Select(data => data.Location).Distinct().Order(StringComparer.Ordinal))
        {
            AppendText(hash, External, externalSha256?.GetValueOrDefault(location) ?? throw new InvalidDataException(
                $"{ModelPackage.EncoderFile}: external data in '{location}', which the package does not list."));
        }
        foreach (var step in preprocessing)
        {
            AppendText(hash, Step, step.Kind);
            AppendBytes(hash, Step, MemoryMarshal.AsBytes(step.A.AsSpan()));
            AppendBytes(hash, Step, MemoryMarshal.AsBytes(step.B.AsSpan()));
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Every field as number, length, bytes; nested messages as number, fields, end: no two graphs give the same sequence.</summary>
    static void Append(IncrementalHash hash, ProtoReader reader, Part part)
    {
        while (reader.Next())
        {
            switch (Inside(part, reader.Field))
            {
                case Part.Description:
                    Skip(ref reader);
                    break;
                case Part.Plain when reader.WireType == ProtoReader.VarintType:
                    AppendNumber(hash, reader.Field, (long)reader.Varint(""));
                    break;
                case Part.Plain when reader.WireType == ProtoReader.Fixed32Type:
                    AppendNumber(hash, reader.Field, reader.Fixed32(""));
                    break;
                case Part.Plain:
                    AppendBytes(hash, reader.Field, reader.Bytes(""));
                    break;
                case var nested:
                    AppendNumber(hash, reader.Field, (int)nested);
                    Append(hash, reader.Message(""), nested);
                    AppendNumber(hash, End, (int)nested);
                    break;
            }
        }
    }

    /// <summary>What a field of onnx.proto3 is to the space.</summary>
    static Part Inside(Part part, int field) => (part, field) switch
    {
        (Part.Graph, 1) => Part.Node,
        (Part.Graph, 5) => Part.Tensor,
        (Part.Graph, 11 or 12) => Part.Port,
        (Part.Graph, _) => Part.Description,
        (Part.Node, 5) => Part.Attribute,
        (Part.Node, 3 or 6) => Part.Description,
        (Part.Attribute, 5) => Part.Tensor,
        (Part.Attribute, 13) => Part.Description,
        (Part.Tensor, 12) => Part.Description,
        (Part.Port, 3) => Part.Description,
        _ => Part.Plain,
    };

    static void Skip(ref ProtoReader reader)
    {
        switch (reader.WireType)
        {
            case ProtoReader.VarintType:
                reader.Varint("");
                break;
            case ProtoReader.Fixed32Type:
                reader.Fixed32("");
                break;
            default:
                reader.Bytes("");
                break;
        }
    }

    static void AppendText(IncrementalHash hash, int field, string text) => AppendBytes(hash, field, Encoding.UTF8.GetBytes(text));

    static void AppendBytes(IncrementalHash hash, int field, ReadOnlySpan<byte> bytes)
    {
        AppendNumber(hash, field, bytes.Length);
        hash.AppendData(bytes);
    }

    static void AppendNumber(IncrementalHash hash, int field, long value)
    {
        Span<byte> buffer = stackalloc byte[12];
        BinaryPrimitives.WriteInt32LittleEndian(buffer, field);
        BinaryPrimitives.WriteInt64LittleEndian(buffer[4..], value);
        hash.AppendData(buffer);
    }
}
