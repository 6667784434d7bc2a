namespace Hyperpatch.Engine.Guests.Images;

/// <summary>What a long-mode image is to be like, apart from its code.</summary>
internal sealed record LongModeOptions
{
    /// <summary>Processors, 1 to 64. All start at the same place, RDI = index, interrupts off.</summary>
    public int Processors { get; init; } = 1;

    /// <summary>Whether all of it lies below 1 MiB, for a program that is loaded above (mapped writable and executable).</summary>
    public bool IsBelowProgram { get; init; }

    /// <summary>Mapping of the text area's pages.</summary>
    public PageFlags Text { get; init; } = PageFlags.Code;

    /// <summary>Value that the default handlers write to port 0xF4 after an exception; the machine's status is twice that plus 1.</summary>
    public byte FaultExitValue { get; init; } = 3;

    /// <summary>Whether the default handlers print the exception on the serial line before.</summary>
    public bool PanicOverSerial { get; init; } = true;

    /// <summary>Bits taken away from CR0 (bit 16: WP).</summary>
    public ulong Cr0Clear { get; init; }

    /// <summary>Bits added to CR4 (bit 20: SMEP, bit 21: SMAP), beyond PAE, OSFXSR, OSXMMEXCPT.</summary>
    public ulong Cr4Set { get; init; }

    /// <summary>RFLAGS at the start, beyond bit 1 (bit 8: TF, bit 9: IF).</summary>
    public ulong Rflags { get; init; }
}
