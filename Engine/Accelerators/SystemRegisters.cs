namespace Hyperpatch.Engine.Accelerators;

/// <summary>Segments, descriptor tables and control registers of one processor.</summary>
public struct SystemRegisters
{
    /// <summary>CS.</summary>
    public SegmentRegister Cs;

    /// <summary>DS.</summary>
    public SegmentRegister Ds;

    /// <summary>ES.</summary>
    public SegmentRegister Es;

    /// <summary>FS.</summary>
    public SegmentRegister Fs;

    /// <summary>GS.</summary>
    public SegmentRegister Gs;

    /// <summary>SS.</summary>
    public SegmentRegister Ss;

    /// <summary>Task register.</summary>
    public SegmentRegister Tr;

    /// <summary>LDTR.</summary>
    public SegmentRegister Ldt;

    /// <summary>GDTR.</summary>
    public DescriptorTable Gdt;

    /// <summary>IDTR.</summary>
    public DescriptorTable Idt;

    /// <summary>CR0.</summary>
    public ulong Cr0;

    /// <summary>CR2.</summary>
    public ulong Cr2;

    /// <summary>CR3.</summary>
    public ulong Cr3;

    /// <summary>CR4.</summary>
    public ulong Cr4;

    /// <summary>CR8 (task priority).</summary>
    public ulong Cr8;

    /// <summary>EFER.</summary>
    public ulong Efer;

    /// <summary>IA32_APIC_BASE.</summary>
    public ulong ApicBase;
}
