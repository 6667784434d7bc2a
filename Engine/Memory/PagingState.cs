namespace Hyperpatch.Engine.Memory;

/// <summary>The registers on which address translation depends (Intel SDM vol. 3, chapter 4).</summary>
public struct PagingState
{
    /// <summary>CR0.PE.</summary>
    public const ulong Cr0Pe = 1;

    /// <summary>CR0.WP: supervisor writes honour read-only pages.</summary>
    public const ulong Cr0Wp = 1 << 16;

    /// <summary>CR0.PG.</summary>
    public const ulong Cr0Pg = 1UL << 31;

    /// <summary>CR4.PSE.</summary>
    public const ulong Cr4Pse = 1 << 4;

    /// <summary>CR4.PAE.</summary>
    public const ulong Cr4Pae = 1 << 5;

    /// <summary>CR4.LA57.</summary>
    public const ulong Cr4La57 = 1 << 12;

    /// <summary>CR4.SMEP.</summary>
    public const ulong Cr4Smep = 1 << 20;

    /// <summary>CR4.SMAP.</summary>
    public const ulong Cr4Smap = 1 << 21;

    /// <summary>EFER.LMA: long mode is active.</summary>
    public const ulong EferLma = 1 << 10;

    /// <summary>EFER.NXE.</summary>
    public const ulong EferNxe = 1 << 11;

    /// <summary>RFLAGS.AC: with SMAP, permits supervisor data access to user pages.</summary>
    public const ulong RflagsAc = 1 << 18;

    /// <summary>CR0.</summary>
    public ulong Cr0;

    /// <summary>CR3.</summary>
    public ulong Cr3;

    /// <summary>CR4.</summary>
    public ulong Cr4;

    /// <summary>EFER.</summary>
    public ulong Efer;

    /// <summary>RFLAGS (only AC matters).</summary>
    public ulong Rflags;

    /// <summary>Current privilege level, 0 to 3.</summary>
    public byte Cpl;

    /// <summary>Whether linear addresses are translated.</summary>
    public readonly bool IsPaged => (Cr0 & Cr0Pg) != 0;

    /// <summary>Whether the processor is in long mode (64-bit or compatibility).</summary>
    public readonly bool IsLongMode => (Efer & EferLma) != 0;
}
