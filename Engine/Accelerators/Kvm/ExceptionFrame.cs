using System.Buffers.Binary;
using Hyperpatch.Engine.Accelerators.Kvm.Native;
using Hyperpatch.Engine.Memory;

namespace Hyperpatch.Engine.Accelerators.Kvm;

/// <summary>
/// What the processor pushed when it delivered an exception. Its width is the gate's: 16-bit in real mode and through
/// 16-bit gates, 32-bit in protected mode, 64-bit in long mode (Intel SDM vol. 3, 6.12 and 6.14).
/// </summary>
internal struct ExceptionFrame
{
    private const ulong RflagsResume = 1 << 16;
    private const ulong RflagsTrap = 1 << 8;

    public ulong Rip;
    public ulong Rflags;
    public ulong Rsp;
    public uint ErrorCode;
    public ushort Cs;
    public ushort Ss;

    /// <summary>Linear address of the frame, and of RFLAGS in it.</summary>
    public ulong RflagsAddress;

    /// <summary>Bytes of one slot: 2, 4 or 8.</summary>
    public int Width;

    /// <summary>Reads the frame at the top of the guest's stack.</summary>
    /// <param name="memory">Guest memory.</param>
    /// <param name="paging">Control registers after the delivery.</param>
    /// <param name="registers">Registers after the delivery.</param>
    /// <param name="sregs">Segments after the delivery.</param>
    /// <param name="width">Bytes of one slot.</param>
    /// <param name="hasErrorCode">Whether an error code lies on top (never in real mode).</param>
    /// <param name="frame">Receives it, RFLAGS without RF.</param>
    /// <returns>False when the stack cannot be read.</returns>
    public static bool TryRead(
        GuestMemory memory,
        in PagingState paging,
        in GuestRegisters registers,
        in KvmSregs sregs,
        int width,
        bool hasErrorCode,
        out ExceptionFrame frame)
    {
        frame = default;
        frame.Width = width;
        Span<byte> bytes = stackalloc byte[40];
        bool isLong = width == 8;
        ulong stack = isLong ? registers.Rsp
            : (uint)(sregs.Ss.Base + (sregs.Ss.Db != 0 ? (uint)registers.Rsp : (ushort)registers.Rsp));
        ulong skipped = hasErrorCode ? (ulong)width : 0;
        if (hasErrorCode)
        {
            if (LinearMemory.Read(memory, paging, stack, bytes[..width]) != width)
            {
                return false;
            }

            frame.ErrorCode = (uint)Slot(bytes, 0, width);
            stack += skipped;
        }

        int least = isLong ? 40 : 3 * width;
        int got = LinearMemory.Read(memory, paging, stack, bytes[..(5 * width)]);
        if (got < least)
        {
            return false;
        }

        frame.Rip = Slot(bytes, 0, width);
        frame.Cs = (ushort)Slot(bytes, 1, width);
        frame.Rflags = Slot(bytes, 2, width) & ~RflagsResume;
        if (width == 2)
        {
            frame.Rflags |= registers.Rflags & 0xFFFC_0000;
        }

        frame.RflagsAddress = stack + (ulong)(2 * width);
        int oldLevel = frame.Cs & 3;
        bool changedLevel = width != 2 && (sregs.Cr0 & PagingState.Cr0Pe) != 0 && oldLevel > sregs.Ss.Dpl;
        if (isLong || (changedLevel && got == 5 * width))
        {
            frame.Rsp = Slot(bytes, 3, width);
            frame.Ss = (ushort)Slot(bytes, 4, width);
        }
        else
        {
            ulong popped = registers.Rsp + skipped + (ulong)(3 * width);
            frame.Rsp = sregs.Ss.Db != 0 ? (uint)popped : (registers.Rsp & ~0xFFFFUL) | (ushort)popped;
            frame.Ss = sregs.Ss.Selector;
        }

        return true;
    }

    /// <summary>Takes TF out of the frame in guest memory: a host that single-steps must not show in it.</summary>
    public void ClearTrapFlag(GuestMemory memory, in PagingState paging)
    {
        Rflags &= ~RflagsTrap;
        PagingState supervisor = paging;
        supervisor.Cpl = 0;
        if (PageWalker.TryTranslate(memory, supervisor, RflagsAddress, MemoryAccess.Read, out ulong physical, out _))
        {
            Span<byte> two = stackalloc byte[2];
            if (memory.TryRead(physical, two))
            {
                two[1] &= 0xFE; // TF is bit 8
                _ = memory.TryWrite(physical, two);
            }
        }
    }

    /// <summary>One slot of a stack.</summary>
    public static ulong Slot(ReadOnlySpan<byte> bytes, int index, int width) => width switch
    {
        2 => BinaryPrimitives.ReadUInt16LittleEndian(bytes[(index * 2)..]),
        4 => BinaryPrimitives.ReadUInt32LittleEndian(bytes[(index * 4)..]),
        _ => BinaryPrimitives.ReadUInt64LittleEndian(bytes[(index * 8)..]),
    };
}
