using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace Mim.Tests.Export;

/// <summary>
/// A protobuf message read back by wire format alone (varint, fixed 32 and 64, length-delimited), independent of the writer.
/// </summary>
sealed class ProtoMessage
{
    readonly List<(int Field, ulong Number, byte[] Bytes)> _fields = [];

    public ProtoMessage(ReadOnlySpan<byte> data)
    {
        for (var at = 0; at < data.Length;)
        {
            var tag = Varint(data, ref at);
            var field = (int)(tag >> 3);
            switch (tag & 7)
            {
                case 0:
                    _fields.Add((field, Varint(data, ref at), []));
                    break;
                case 1:
                    _fields.Add((field, BinaryPrimitives.ReadUInt64LittleEndian(data[at..]), []));
                    at += 8;
                    break;
                case 2:
                    var length = (int)Varint(data, ref at);
                    _fields.Add((field, 0, data.Slice(at, length).ToArray()));
                    at += length;
                    break;
                case 5:
                    _fields.Add((field, BinaryPrimitives.ReadUInt32LittleEndian(data[at..]), []));
                    at += 4;
                    break;
                default:
                    throw new InvalidDataException($"wire type {tag & 7}");
            }
        }
    }

    public IEnumerable<ProtoMessage> Messages(int field) => _fields.Where(f => f.Field == field).Select(f => new ProtoMessage(f.Bytes));
    public ProtoMessage Message(int field) => Messages(field).Single();
    public ReadOnlySpan<float> Floats(int field) => MemoryMarshal.Cast<byte, float>(_fields.Single(f => f.Field == field).Bytes);
    public IEnumerable<string> Strings(int field) => _fields.Where(f => f.Field == field).Select(f => Encoding.UTF8.GetString(f.Bytes));
    public string String(int field) => Strings(field).Single();
    public IEnumerable<long> Numbers(int field) => _fields.Where(f => f.Field == field).Select(f => (long)f.Number);
    public long Number(int field) => Numbers(field).Single();
    public float Float(int field) => BitConverter.UInt32BitsToSingle((uint)Number(field));
    public byte[] Bytes(int field) => _fields.Single(f => f.Field == field).Bytes;

    static ulong Varint(ReadOnlySpan<byte> data, ref int at)
    {
        ulong value = 0;
        for (var shift = 0; ; shift += 7)
        {
            var b = data[at++];
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80)
            {
                return value;
            }
        }
    }
}
