using System.Buffers.Binary;

namespace Hyperpatch.Engine.Guests.Images;

/// <summary>GDT, TSSs and gates as bytes (Intel SDM vol. 3, 3.4.5, 6.14.1, 7.7).</summary>
internal static class DescriptorTables
{
    /// <summary>Bytes of a 64-bit TSS without I/O permission map.</summary>
    public const int TaskStateLength = 104;

    // Accessed bits are set, so that the processor never writes to the table.
    private static readonly ulong[] s_segments =
    [
        0,
        0x00AF_9B00_0000_FFFF, // 08: 64-bit code
        0x00CF_9300_0000_FFFF, // 10: data
        0x00CF_FB00_0000_FFFF, // 18: 32-bit code, CPL 3
        0x00CF_F300_0000_FFFF, // 20: data, CPL 3
        0x00AF_FB00_0000_FFFF, // 28: 64-bit code, CPL 3
        0x00CF_9B00_0000_FFFF, // 30: 32-bit code
        0,
    ];

    /// <summary>Bytes of a long-mode image's GDT.</summary>
    /// <param name="processors">Number of processors.</param>
    public static int GdtLength(int processors) => LongModeSelectors.Task + (processors * 16);

    /// <summary>A long-mode image's GDT.</summary>
    /// <param name="processors">Number of processors.</param>
    public static byte[] Gdt(int processors)
    {
        byte[] table = new byte[GdtLength(processors)];
        for (int i = 0; i < s_segments.Length; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(table.AsSpan(i * 8), s_segments[i]);
        }

        for (int i = 0; i < processors; i++)
        {
            // Type 11, busy: the processors start with it loaded.
            ulong address = LongModeLayout.Tss + ((ulong)i * LongModeLayout.TssStride);
            BinaryPrimitives.WriteUInt64LittleEndian(
                table.AsSpan(LongModeSelectors.Task + (i * 16)), Segment((uint)address, TaskStateLength - 1, 0x8B, 0));
        }

        return table;
    }

    /// <summary>All processors' TSSs.</summary>
    /// <param name="processors">Number of processors.</param>
    public static byte[] TaskStates(int processors)
    {
        byte[] states = new byte[processors * (int)LongModeLayout.TssStride];
        for (int i = 0; i < processors; i++)
        {
            Span<byte> state = states.AsSpan(i * (int)LongModeLayout.TssStride);
            BinaryPrimitives.WriteUInt64LittleEndian(state[0x04..], LongModeLayout.PrivilegeStackTop(i));
            BinaryPrimitives.WriteUInt64LittleEndian(state[0x24..], LongModeLayout.DoubleFaultStackTop(i));
            BinaryPrimitives.WriteUInt16LittleEndian(state[0x66..], TaskStateLength);
        }

        return states;
    }

    /// <summary>A segment descriptor of 8 bytes.</summary>
    /// <param name="address">Base.</param>
    /// <param name="limit">Limit, 20 bits, in the granularity's unit.</param>
    /// <param name="access">Type, S, DPL, P.</param>
    /// <param name="flags">AVL, L, D/B, G.</param>
    public static ulong Segment(uint address, uint limit, byte access, byte flags) =>
        (limit & 0xFFFF)
        | ((ulong)(address & 0xFF_FFFF) << 16)
        | ((ulong)access << 40)
        | ((ulong)((limit >> 16) & 0xF) << 48)
        | ((ulong)flags << 52)
        | ((ulong)(address >> 24) << 56);

    /// <summary>Writes a 64-bit interrupt gate.</summary>
    /// <param name="gate">16 bytes.</param>
    /// <param name="handler">Address of the handler.</param>
    /// <param name="selector">CS.</param>
    /// <param name="ist">Interrupt stack table entry, 0 for none.</param>
    /// <param name="dpl">Lowest privilege that may raise it by INT.</param>
    public static void WriteInterruptGate(Span<byte> gate, ulong handler, ushort selector, int ist, int dpl)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(gate, Gate32((uint)handler, selector, dpl) | ((ulong)(uint)ist << 32));
        BinaryPrimitives.WriteUInt64LittleEndian(gate[8..], handler >> 32);
    }

    /// <summary>A 32-bit interrupt gate; also the low half of a 64-bit one.</summary>
    /// <param name="handler">Offset of the handler.</param>
    /// <param name="selector">CS.</param>
    /// <param name="dpl">Lowest privilege that may raise it by INT.</param>
    public static ulong Gate32(uint handler, ushort selector, int dpl) =>
        (handler & 0xFFFF) | ((ulong)selector << 16) | ((0x8EUL | ((ulong)(uint)dpl << 5)) << 40) | ((ulong)(handler >> 16) << 48);
}
