using System.Runtime.InteropServices;
using Hyperpatch.Engine.Accelerators.Kvm.Native;
using Hyperpatch.Engine.Memory;

namespace Hyperpatch.Engine.Accelerators.Kvm;

/// <summary>Segments between the kernel's form, the contract's, and descriptors in guest memory.</summary>
internal static class KvmSegments
{
    /// <summary>A flat or real-mode segment.</summary>
    public static KvmSegment Make(ushort selector, ulong baseAddress, uint limit, byte type, bool isLong, bool isBig) => new()
    {
        Selector = selector,
        Base = baseAddress,
        Limit = limit,
        Type = type,
        Present = 1,
        S = 1,
        L = isLong ? (byte)1 : (byte)0,
        Db = isBig ? (byte)1 : (byte)0,
        G = limit > 0xF_FFFF ? (byte)1 : (byte)0,
    };

    public static SegmentRegister ToContract(in KvmSegment segment) => new()
    {
        Base = segment.Base,
        Limit = segment.Limit,
        Selector = segment.Selector,
        Access = (byte)(segment.Type | (segment.S << 4) | (segment.Dpl << 5)
            | (segment.Present != 0 && segment.Unusable == 0 ? 0x80 : 0)),
        Flags = (byte)(segment.Avl | (segment.L << 1) | (segment.Db << 2) | (segment.G << 3)),
    };

    public static KvmSegment FromContract(in SegmentRegister segment) => new()
    {
        Base = segment.Base,
        Limit = segment.Limit,
        Selector = segment.Selector,
        Type = (byte)(segment.Access & 0xF),
        S = (byte)((segment.Access >> 4) & 1),
        Dpl = (byte)((segment.Access >> 5) & 3),
        Present = (byte)(segment.Access >> 7),
        Unusable = (byte)((segment.Access >> 7) ^ 1),
        Avl = (byte)(segment.Flags & 1),
        L = (byte)((segment.Flags >> 1) & 1),
        Db = (byte)((segment.Flags >> 2) & 1),
        G = (byte)((segment.Flags >> 3) & 1),
    };

    /// <summary>Reads the descriptor that a selector names, as loading the segment register would.</summary>
    /// <returns>False when it is outside the table or cannot be read.</returns>
    public static bool TryLoad(
        GuestMemory memory, in PagingState paging, in KvmSregs sregs, ushort selector, out KvmSegment segment)
    {
        segment = new KvmSegment { Selector = selector, Unusable = 1, Dpl = (byte)(selector & 3) };
        if ((selector & 0xFFFC) == 0)
        {
            return true;
        }

        bool local = (selector & 4) != 0;
        ulong table = local ? sregs.Ldt.Base : sregs.Gdt.Base;
        uint limit = local ? sregs.Ldt.Limit : sregs.Gdt.Limit;
        uint offset = selector & 0xFFF8u;
        Span<byte> bytes = stackalloc byte[8];
        if (offset + 7 > limit || LinearMemory.Read(memory, paging, table + offset, bytes) != 8)
        {
            return false;
        }

        ulong raw = MemoryMarshal.Read<ulong>(bytes);
        uint scaled = (uint)((raw & 0xFFFF) | ((raw >> 32) & 0xF_0000));
        byte granularity = (byte)((raw >> 55) & 1);
        segment = new KvmSegment
        {
            Selector = selector,
            Base = ((raw >> 16) & 0xFF_FFFF) | ((raw >> 32) & 0xFF00_0000),
            Limit = granularity != 0 ? (scaled << 12) | 0xFFF : scaled,
            Type = (byte)(((raw >> 40) & 0xF) | 1), // loading sets the accessed bit
            S = (byte)((raw >> 44) & 1),
            Dpl = (byte)((raw >> 45) & 3),
            Present = (byte)((raw >> 47) & 1),
            Avl = (byte)((raw >> 52) & 1),
            L = (byte)((raw >> 53) & 1),
            Db = (byte)((raw >> 54) & 1),
            G = granularity,
        };
        return segment.Present != 0;
    }
}
