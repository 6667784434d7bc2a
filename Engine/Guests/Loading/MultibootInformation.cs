using System.Buffers.Binary;
using System.Text;

namespace Hyperpatch.Engine.Guests.Loading;

/// <summary>What a Multiboot boot loader leaves in memory for the image (Multiboot Specification 0.6.96, 3.3).</summary>
internal static class MultibootInformation
{
    /// <summary>EAX at the start of a Multiboot image.</summary>
    public const uint Magic = 0x2BADB002;

    private const int StructureSize = 120;
    private const int RegionSize = 24;
    private const int MapAt = StructureSize;
    private const int NameAt = MapAt + (2 * RegionSize);
    private const int CommandLineAt = NameAt + 16;
    private const uint Offered = 1 | 4 | 0x40 | 0x200; // memory sizes, command line, memory map, loader's name
    private const uint LowMemoryEnd = 0xA_0000;
    private const uint HighMemory = 0x10_0000;

    /// <summary>The structure, and behind it what it points to.</summary>
    /// <param name="address">Where it will lie.</param>
    /// <param name="memoryBytes">RAM from 0, at least 1 MiB.</param>
    /// <param name="commandLine">ASCII.</param>
    public static byte[] Build(uint address, ulong memoryBytes, string commandLine)
    {
        byte[] bytes = new byte[CommandLineAt + commandLine.Length + 1];
        ulong above = memoryBytes - HighMemory;
        Write(0, Offered);
        Write(4, LowMemoryEnd >> 10);
        Write(8, (uint)Math.Min(above >> 10, uint.MaxValue));
        Write(16, address + CommandLineAt);
        Write(44, 2 * RegionSize);
        Write(48, address + MapAt);
        Write(64, address + NameAt);
        Region(MapAt, 0, LowMemoryEnd);
        Region(MapAt + RegionSize, HighMemory, above);
        Encoding.ASCII.GetBytes("Hyperpatch", bytes.AsSpan(NameAt));
        Encoding.ASCII.GetBytes(commandLine, bytes.AsSpan(CommandLineAt));
        return bytes;

        void Write(int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(at), value);

        void Region(int at, ulong start, ulong length)
        {
            Write(at, RegionSize - 4);
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(at + 4), start);
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(at + 12), length);
            Write(at + 20, 1);
        }
    }
}
