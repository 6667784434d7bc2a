using System.Buffers.Binary;
using System.Text;

namespace Hyperpatch.Engine.Tests.Web.Telemetry;

/// <summary>A protobuf message read by field numbers (protobuf.dev, "Encoding"): enough to look into OTLP.</summary>
internal sealed class ProtobufMessage
{
    private readonly List<(int Field, byte[] Value)> _fields = [];

    public ProtobufMessage(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            ulong tag = Varint(ref bytes);
            int field = checked((int)(tag >> 3));
            switch (tag & 7)
            {
                case 0:
                    byte[] number = new byte[8];
                    BinaryPrimitives.WriteUInt64LittleEndian(number, Varint(ref bytes));
                    _fields.Add((field, number));
                    break;
                case 1:
                    _fields.Add((field, Take(ref bytes, 8)));
                    break;
                case 2:
                    _fields.Add((field, Take(ref bytes, checked((int)Varint(ref bytes)))));
                    break;
                case 5:
                    _fields.Add((field, Take(ref bytes, 4)));
                    break;
                default:
                    throw new InvalidDataException($"Wire type {tag & 7} of field {field}.");
            }
        }
    }

    /// <summary>The messages at the end of a path of field numbers.</summary>
    public IEnumerable<ProtobufMessage> All(params int[] path) =>
        path.Length == 0 ? [this] : Values(path[0]).Select(value => new ProtobufMessage(value)).SelectMany(message => message.All(path[1..]));

    /// <summary>A field of text, or nothing where it is not there.</summary>
    public string Text(int field) => Values(field).Select(Encoding.UTF8.GetString).FirstOrDefault() ?? "";

    /// <summary>A field of 64 bits (varint or fixed), or 0 where it is not there.</summary>
    public ulong Number(int field) => Values(field).Select(value => BinaryPrimitives.ReadUInt64LittleEndian(value)).FirstOrDefault();

    private static byte[] Take(ref ReadOnlySpan<byte> bytes, int length)
    {
        byte[] taken = bytes[..length].ToArray();
        bytes = bytes[length..];
        return taken;
    }

    private static ulong Varint(ref ReadOnlySpan<byte> bytes)
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            byte next = bytes[0];
            bytes = bytes[1..];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }

        throw new InvalidDataException("A varint of more than 64 bits.");
    }

    private IEnumerable<byte[]> Values(int field) => _fields.Where(one => one.Field == field).Select(one => one.Value);
}
