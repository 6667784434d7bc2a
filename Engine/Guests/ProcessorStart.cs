using Hyperpatch.Engine.Accelerators;

namespace Hyperpatch.Engine.Guests;

/// <summary>
/// State in which one processor of a guest starts. What is not said here is as after RESET, with flat segments of
/// the given mode.
/// </summary>
public sealed record ProcessorStart
{
    /// <summary>Mode.</summary>
    public required GuestMode Mode { get; init; }

    /// <summary>Instruction pointer (offset into CS).</summary>
    public required ulong Rip { get; init; }

    /// <summary>Stack pointer.</summary>
    public required ulong Rsp { get; init; }

    /// <summary>CS selector. In real mode the base is this times 16.</summary>
    public ushort CodeSelector { get; init; }

    /// <summary>CS base in protected mode (0 for flat); ignored in the other modes.</summary>
    public ulong CodeBase { get; init; }

    /// <summary>DS, ES, SS selector. In real mode the base is this times 16.</summary>
    public ushort DataSelector { get; init; }

    /// <summary>GDTR.</summary>
    public DescriptorTable Gdt { get; init; }

    /// <summary>IDTR. In real mode usually 0, limit 0x3FF.</summary>
    public DescriptorTable Idt { get; init; }

    /// <summary>TR selector and base; a limit of 0 leaves TR as after RESET.</summary>
    public ushort TaskSelector { get; init; }

    /// <summary>Linear base of the TSS.</summary>
    public ulong TaskBase { get; init; }

    /// <summary>Limit of the TSS in bytes, 0 for none.</summary>
    public uint TaskLimit { get; init; }

    /// <summary>CR3; in protected mode 0 leaves paging off.</summary>
    public ulong Cr3 { get; init; }

    /// <summary>Bits added to the mode's own CR0 (PE, NE, ET, WP in paged modes, PG).</summary>
    public ulong Cr0Set { get; init; }

    /// <summary>Bits taken away from CR0 (such as WP).</summary>
    public ulong Cr0Clear { get; init; }

    /// <summary>Bits added to the mode's own CR4 (PAE in long mode; OSFXSR, OSXMMEXCPT in all).</summary>
    public ulong Cr4Set { get; init; }

    /// <summary>Bits added to the mode's own EFER (LME, LMA, NXE in long mode).</summary>
    public ulong EferSet { get; init; }

    /// <summary>RFLAGS beyond bit 1.</summary>
    public ulong Rflags { get; init; }

    /// <summary>RAX: what a boot protocol puts there.</summary>
    public ulong Rax { get; init; }

    /// <summary>RBX: what a boot protocol puts there.</summary>
    public ulong Rbx { get; init; }

    /// <summary>RDI: the image's first argument (for the built-in guests the processor's index).</summary>
    public ulong Rdi { get; init; }

    /// <summary>RSI: the image's second argument.</summary>
    public ulong Rsi { get; init; }
}
