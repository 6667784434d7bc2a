namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>Bits of RFLAGS (Intel SDM vol. 1, 3.4.3).</summary>
internal static class Flag
{
    public const ulong Carry = 1;
    public const ulong Parity = 4;
    public const ulong Adjust = 0x10;
    public const ulong Zero = 0x40;
    public const ulong Sign = 0x80;
    public const ulong Trap = 0x100;
    public const ulong Interrupt = 0x200;
    public const ulong Direction = 0x400;
    public const ulong Overflow = 0x800;
    public const ulong IoLevel = 0x3000;
    public const ulong NestedTask = 0x4000;
    public const ulong Resume = 0x1_0000;
    public const ulong Virtual8086 = 0x2_0000;
    public const ulong Alignment = 0x4_0000;
    public const ulong Identification = 0x20_0000;

    /// <summary>CF, PF, AF, ZF, SF, OF: kept apart, see <see cref="Cpu"/>.</summary>
    public const ulong Arithmetic = Carry | Parity | Adjust | Zero | Sign | Overflow;

    /// <summary>All that a guest can set.</summary>
    public const ulong Writable = Arithmetic | Trap | Interrupt | Direction | IoLevel | NestedTask | Resume | Alignment | Identification;
}
