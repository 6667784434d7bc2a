using System.Buffers.Binary;

namespace Hyperpatch.Engine.Devices;

/// <summary>Routes port I/O. A port without a device reads as all ones and takes writes without effect, as on a PC.</summary>
/// <param name="devices">The devices; they do not overlap.</param>
public sealed class PortBus(params IPortDevice[] devices)
{
    /// <summary>Carries out one exit.</summary>
    /// <param name="port">Port.</param>
    /// <param name="size">Bytes an element: 1, 2 or 4.</param>
    /// <param name="isWrite">OUT.</param>
    /// <param name="data">The elements, one behind the other: taken from, or filled.</param>
    public void Access(ushort port, int size, bool isWrite, Span<byte> data)
    {
        IPortDevice? device = Find(port);
        for (; size > 0 && data.Length >= size; data = data[size..])
        {
            if (isWrite)
            {
                device?.Write(port - device.Base, size, Get(data, size));
            }
            else
            {
                Put(data, size, device?.Read(port - device.Base, size) ?? uint.MaxValue);
            }
        }
    }

    private IPortDevice? Find(ushort port)
    {
        foreach (IPortDevice device in devices)
        {
            if ((uint)(port - device.Base) < (uint)device.Length)
            {
                return device;
            }
        }

        return null;
    }

    private static uint Get(ReadOnlySpan<byte> data, int size) => size switch
    {
        1 => data[0],
        2 => BinaryPrimitives.ReadUInt16LittleEndian(data),
        _ => BinaryPrimitives.ReadUInt32LittleEndian(data),
    };

    private static void Put(Span<byte> data, int size, uint value)
    {
        switch (size)
        {
            case 1:
                data[0] = (byte)value;
                break;
            case 2:
                BinaryPrimitives.WriteUInt16LittleEndian(data, (ushort)value);
                break;
            default:
                BinaryPrimitives.WriteUInt32LittleEndian(data, value);
                break;
        }
    }
}
