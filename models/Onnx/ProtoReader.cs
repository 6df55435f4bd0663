using System.Buffers.Binary;
using System.Text;

namespace Mim.Models;

/// <summary>
/// A cursor over one protobuf message. It never reads past its span, allocates nothing but the strings it is asked for, and is stricter than
/// protobuf: lengths must fit, varints must be minimal, a field that occurs once may not occur twice.
/// </summary>
ref struct ProtoReader(ReadOnlySpan<byte> bytes, string name, int origin = 0)
{
    public const int VarintType = 0;
    public const int BytesType = 2;
    public const int Fixed32Type = 5;

    const int MaxVarintBytes = 10;
    const int MaxTrackedField = 63;

    static readonly UTF8Encoding s_strictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    readonly ReadOnlySpan<byte> _bytes = bytes;
    int _at;
    ulong _seen;

    /// <summary>The number of the field that <see cref="Next"/> stopped at.</summary>
    public int Field { get; private set; }

    public int WireType { get; private set; }

    /// <summary>Reads the next field's tag; false at the end of the message.</summary>
    public bool Next()
    {
        if (_at == _bytes.Length)
        {
            return false;
        }
        var tag = RawVarint();
        if (tag >> 3 is 0 or > int.MaxValue >> 3)
        {
            throw Bad($"field number {tag >> 3} is not valid");
        }
        (Field, WireType) = ((int)(tag >> 3), (int)(tag & 7));
        return WireType is VarintType or BytesType or Fixed32Type ? true : throw Bad($"wire type {WireType} of field {Field} is not used by ONNX");
    }

    /// <summary>States that the field occurs at most once in its message.</summary>
    public void Once(string what)
    {
        var bit = Field <= MaxTrackedField ? 1UL << Field : throw Bad($"field {Field} is not known");
        if ((_seen & bit) != 0)
        {
            throw Bad($"{what} occurs twice");
        }
        _seen |= bit;
    }

    public ulong Varint(string what)
    {
        Expect(VarintType, what);
        return RawVarint();
    }

    /// <summary>A varint that counts or numbers something: negative ones, which take ten bytes, are refused with those that are too large.</summary>
    public int Number(string what, int max)
    {
        var value = Varint(what);
        return value <= (ulong)max ? (int)value : throw Bad($"{what}: expected 0 to {max}, found {(long)value}");
    }

    public ReadOnlySpan<byte> Bytes(string what)
    {
        Expect(BytesType, what);
        var length = RawVarint();
        if (length > (ulong)(_bytes.Length - _at))
        {
            throw Bad($"{what} is said to have {length} bytes, but {_bytes.Length - _at} are left");
        }
        var value = _bytes.Slice(_at, (int)length);
        _at += (int)length;
        return value;
    }

    public ProtoReader Message(string what)
    {
        var value = Bytes(what);
        return new ProtoReader(value, name, origin + _at - value.Length);
    }

    public string Text(string what, int maxBytes)
    {
        var value = Bytes(what);
        if (value.Length > maxBytes)
        {
            throw Bad($"{what}: expected at most {maxBytes} bytes, found {value.Length}");
        }
        try
        {
            return s_strictUtf8.GetString(value);
        }
        catch (DecoderFallbackException)
        {
            throw Bad($"{what} is not UTF-8");
        }
    }

    public int Fixed32(string what)
    {
        Expect(Fixed32Type, what);
        if (_bytes.Length - _at < sizeof(int))
        {
            throw Bad($"{what} is cut off");
        }
        var value = BinaryPrimitives.ReadInt32LittleEndian(_bytes[_at..]);
        _at += sizeof(int);
        return value;
    }

    /// <summary>The values of a packed field, one at a time; false at the end.</summary>
    public bool NextPacked(out ulong value)
    {
        if (_at == _bytes.Length)
        {
            value = 0;
            return false;
        }
        value = RawVarint();
        return true;
    }

    /// <summary>A field that the subset does not have.</summary>
    public readonly InvalidDataException Unknown(string message) => Bad($"field {Field} of a {message} is not part of the subset that is loaded");

    public readonly InvalidDataException Bad(string why) => new($"{name}: byte {(long)origin + _at}: {why}. Not a model that this project exports; it was not given to any engine.");

    readonly void Expect(int wireType, string what)
    {
        if (WireType != wireType)
        {
            throw Bad($"{what}: expected wire type {wireType}, found {WireType}");
        }
    }

    ulong RawVarint()
    {
        ulong value = 0;
        for (var i = 0; i < MaxVarintBytes; i++)
        {
            if (_at == _bytes.Length)
            {
                throw Bad("the file ends within a number");
            }
            var b = _bytes[_at++];
            if (i == MaxVarintBytes - 1 && b > 1 || i > 0 && b == 0)
            {
                throw Bad("a number is encoded in more bytes than it needs");
            }
            value |= (ulong)(b & 0x7F) << (7 * i);
            if (b < 0x80)
            {
                return value;
            }
        }
        throw Bad("a number has more than 64 bits");
    }
}
