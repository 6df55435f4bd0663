using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Mim.Models;

/// <summary>
/// The header of a <c>.npy</c> file: magic, version, and a Python dictionary with exactly the keys 'descr', 'fortran_order' and 'shape'
/// (numpy/lib/format.py). Only what numpy itself writes for plain arrays is accepted; nothing is evaluated.
/// </summary>
sealed record NpyHeader(NpyType Type, long[] Shape)
{
    /// <summary>The dictionary for 32 dimensions of 20 digits is below 1 KiB.</summary>
    const int MaxText = 4096;
    const int MaxDimensions = 32;
    const int Alignment = 64;

    /// <summary>What a count may grow to after the header has been laid out: 2^63 has 19 digits.</summary>
    const int CountDigits = 19;

    static ReadOnlySpan<byte> Magic => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    /// <summary>How many bytes of the file come before the first element.</summary>
    public int HeaderLength { get; private init; }

    /// <summary>The number of elements; within a long because the parser has checked the product.</summary>
    public long Elements
    {
        get
        {
            long elements = 1;
            foreach (var size in Shape)
            {
                elements *= size;
            }
            return elements;
        }
    }

    public long ByteLength => Elements * SizeOf(Type);

    public static int SizeOf(NpyType type) => type switch
    {
        NpyType.Float64 or NpyType.Int64 => 8,
        NpyType.Float32 or NpyType.Int32 => 4,
        _ => 1,
    };

    public static string Describe(NpyType type) => $"{type} ('{Descr(type)}')";

    /// <summary>Reads the header and leaves the stream at the first element.</summary>
    /// <exception cref="InvalidDataException">The header is not one, or describes an array that this project does not read.</exception>
    public static NpyHeader Read(Stream stream, string name)
    {
        Span<byte> start = stackalloc byte[12];
        ReadExactly(stream, start[..8], name, "the magic");
        if (!start[..6].SequenceEqual(Magic))
        {
            throw new InvalidDataException(
                $"{name}: expected a .npy file (magic 93 4E 55 4D 50 59), found {Convert.ToHexString(start[..6])}. Save it with numpy.save.");
        }
        int length, prefix;
        switch (start[6], start[7])
        {
            case (1, 0):
                ReadExactly(stream, start[8..10], name, "the header's length");
                (length, prefix) = (BinaryPrimitives.ReadUInt16LittleEndian(start[8..]), 10);
                break;
            case (2 or 3, 0):
                ReadExactly(stream, start[8..12], name, "the header's length");
                (length, prefix) = ((int)Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(start[8..]), int.MaxValue), 12);
                break;
            default:
                throw new InvalidDataException($"{name}: expected .npy version 1.0, 2.0 or 3.0, found {start[6]}.{start[7]}.");
        }
        if (length > MaxText)
        {
            throw new InvalidDataException(
                $"{name}: expected a header of at most {MaxText} bytes, found {length}. Structured arrays are not read.");
        }
        var text = new byte[length];
        ReadExactly(stream, text, name, "the header");
        return new Parser(Encoding.Latin1.GetString(text), name).Parse() with { HeaderLength = prefix + length };
    }

    /// <summary>The header's bytes, padded to a multiple of 64 as numpy does; with <paramref name="growable"/> the first size may later take any value without moving the data.</summary>
    public byte[] ToBytes(bool growable = false)
    {
        var sizes = string.Join(", ", Shape.Select(size => size.ToString(CultureInfo.InvariantCulture)));
        var text = $"{{'descr': '{Descr(Type)}', 'fortran_order': False, 'shape': ({sizes}{(Shape.Length == 1 ? "," : "")}), }}";
        var prefix = Magic.Length + 4;
        var reserved = growable ? CountDigits - Shape[0].ToString(CultureInfo.InvariantCulture).Length : 0;
        var total = (prefix + text.Length + reserved + 1 + Alignment - 1) / Alignment * Alignment;
        var bytes = new byte[total];
        bytes.AsSpan().Fill((byte)' ');
        Magic.CopyTo(bytes);
        bytes[6] = 1;
        bytes[7] = 0;
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(8), (ushort)(total - prefix));
        Encoding.ASCII.GetBytes(text, bytes.AsSpan(prefix));
        bytes[^1] = (byte)'\n';
        return bytes;
    }

    /// <summary>Elements as float32; <paramref name="bytes"/> holds exactly as many elements as <paramref name="values"/>.</summary>
    public static void ToSingle(NpyType type, ReadOnlySpan<byte> bytes, Span<float> values)
    {
        switch (type)
        {
            case NpyType.Float32:
                bytes.CopyTo(MemoryMarshal.AsBytes(values));
                break;
            case NpyType.Float64:
                var doubles = MemoryMarshal.Cast<byte, double>(bytes);
                for (var i = 0; i < values.Length; i++)
                {
                    values[i] = (float)doubles[i];
                }
                break;
            case NpyType.Int64:
                var longs = MemoryMarshal.Cast<byte, long>(bytes);
                for (var i = 0; i < values.Length; i++)
                {
                    values[i] = longs[i];
                }
                break;
            case NpyType.Int32:
                var integers = MemoryMarshal.Cast<byte, int>(bytes);
                for (var i = 0; i < values.Length; i++)
                {
                    values[i] = integers[i];
                }
                break;
            default:
                for (var i = 0; i < values.Length; i++)
                {
                    values[i] = bytes[i];
                }
                break;
        }
    }

    internal static void ReadExactly(Stream stream, Span<byte> buffer, string name, string what)
    {
        var read = stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        if (read < buffer.Length)
        {
            throw new InvalidDataException(
                $"{name}: ends within {what}: expected {buffer.Length} more bytes, found {read}. The file is truncated; write it again.");
        }
    }

    static string Descr(NpyType type) => type switch
    {
        NpyType.Float32 => "<f4",
        NpyType.Float64 => "<f8",
        NpyType.Int64 => "<i8",
        NpyType.Int32 => "<i4",
        NpyType.UInt8 => "|u1",
        _ => "|b1",
    };

    /// <summary>A reader of the one dictionary shape there is; keys in any order, each exactly once.</summary>
    sealed class Parser(string text, string name)
    {
        int _at;

        public NpyHeader Parse()
        {
            NpyType? type = null;
            bool? fortran = null;
            long[]? shape = null;
            Expect('{');
            while (!Take('}'))
            {
                var key = Quoted();
                Expect(':');
                switch (key)
                {
                    case "descr" when type is null:
                        type = Type();
                        break;
                    case "fortran_order" when fortran is null:
                        fortran = Boolean();
                        break;
                    case "shape" when shape is null:
                        shape = Shape();
                        break;
                    default:
                        throw Bad($"key '{key}' is unknown or repeated; expected 'descr', 'fortran_order' and 'shape'");
                }
                if (!Take(','))
                {
                    Expect('}');
                    break;
                }
            }
            Spaces();
            if (_at != text.Length)
            {
                throw Bad("characters after the dictionary");
            }
            if (type is not { } descr || fortran is not { } order || shape is null)
            {
                throw Bad("expected the keys 'descr', 'fortran_order' and 'shape'");
            }
            if (order && shape.Length > 1)
            {
                throw new InvalidDataException($"{name}: expected row-major order, found Fortran order. Save numpy.ascontiguousarray(x).");
            }
            Check(shape, descr);
            return new NpyHeader(descr, shape);
        }

        void Check(long[] shape, NpyType type)
        {
            // A zero anywhere makes the product zero, however large the others are: those are bounded one by one as well.
            long elements = 1;
            foreach (var size in shape)
            {
                if (size > 0 && elements > long.MaxValue / SizeOf(type) / size)
                {
                    throw new InvalidDataException($"{name}: shape ({string.Join(", ", shape)}) has more elements than any file holds.");
                }
                elements *= Math.Max(size, 1);
            }
        }

        NpyType Type()
        {
            Spaces();
            if (_at < text.Length && text[_at] == '[')
            {
                throw new InvalidDataException($"{name}: expected a plain array, found a structured one. Save each field by itself.");
            }
            var descr = Quoted();
            return descr switch
            {
                "<f4" => NpyType.Float32,
                "<f8" => NpyType.Float64,
                "<i8" => NpyType.Int64,
                "<i4" => NpyType.Int32,
                "|u1" or "<u1" or "u1" => NpyType.UInt8,
                "|b1" or "<b1" or "?" or "|?" => NpyType.Bool,
                ['>', ..] => throw new InvalidDataException(
                    $"{name}: expected little-endian elements, found '{descr}'. Save x.astype(x.dtype.newbyteorder('<'))."),
                "|O" or "O" => throw new InvalidDataException($"{name}: expected numbers, found Python objects ('{descr}'), which are never loaded. Save a numeric array."),
                _ => throw new InvalidDataException(
                    $"{name}: expected elements of type f4, f8, i8, i4, u1 or b1, found '{descr}'. Save x.astype('float32')."),
            };
        }

        bool Boolean()
        {
            Spaces();
            if (text.AsSpan(_at).StartsWith("False"))
            {
                _at += "False".Length;
                return false;
            }
            if (text.AsSpan(_at).StartsWith("True"))
            {
                _at += "True".Length;
                return true;
            }
            throw Bad("expected True or False");
        }

        long[] Shape()
        {
            List<long> sizes = [];
            Expect('(');
            while (!Take(')'))
            {
                if (sizes.Count == MaxDimensions)
                {
                    throw Bad($"more than {MaxDimensions} dimensions");
                }
                sizes.Add(Size());
                if (!Take(','))
                {
                    Expect(')');
                    break;
                }
            }
            return [.. sizes];
        }

        long Size()
        {
            Spaces();
            var start = _at;
            while (_at < text.Length && char.IsAsciiDigit(text[_at]))
            {
                _at++;
            }
            return long.TryParse(text.AsSpan(start, _at - start), NumberStyles.None, CultureInfo.InvariantCulture, out var size)
                ? size
                : throw Bad("expected a size of 0 or more");
        }

        string Quoted()
        {
            Spaces();
            if (_at >= text.Length || text[_at] is not ('\'' or '"'))
            {
                throw Bad("expected a quoted word");
            }
            var end = text.IndexOf(text[_at], _at + 1);
            if (end < 0)
            {
                throw Bad("a quotation without an end");
            }
            var word = text[(_at + 1)..end];
            _at = end + 1;
            return word;
        }

        void Expect(char c)
        {
            if (!Take(c))
            {
                throw Bad($"expected '{c}'");
            }
        }

        bool Take(char c)
        {
            Spaces();
            if (_at >= text.Length || text[_at] != c)
            {
                return false;
            }
            _at++;
            return true;
        }

        void Spaces()
        {
            while (_at < text.Length && text[_at] is ' ' or '\n')
            {
                _at++;
            }
        }

        InvalidDataException Bad(string why) => new($"{name}: malformed .npy header at character {_at}: {why}.");
    }
}
