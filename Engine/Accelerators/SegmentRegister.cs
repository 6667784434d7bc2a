namespace Hyperpatch.Engine.Accelerators;

/// <summary>A segment register with its hidden part (Intel SDM vol. 3, 3.4.3).</summary>
public struct SegmentRegister
{
    /// <summary>Linear base.</summary>
    public ulong Base;

    /// <summary>Limit in bytes, already scaled by the granularity bit.</summary>
    public uint Limit;

    /// <summary>Visible selector.</summary>
    public ushort Selector;

    /// <summary>Descriptor's access byte: type (bits 3:0), S (4), DPL (6:5), P (7).</summary>
    public byte Access;

    /// <summary>Descriptor's flags: AVL (0), L (1), D/B (2), G (3).</summary>
    public byte Flags;

    /// <summary>L: 64-bit code.</summary>
    public readonly bool IsLong => (Flags & 2) != 0;

    /// <summary>D/B: 32-bit default size.</summary>
    public readonly bool IsBig => (Flags & 4) != 0;

    /// <summary>Descriptor privilege level, 0 to 3.</summary>
    public readonly int Dpl => (Access >> 5) & 3;
}
