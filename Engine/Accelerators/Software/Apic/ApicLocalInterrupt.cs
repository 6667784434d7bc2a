namespace Hyperpatch.Engine.Accelerators.Software.Apic;

/// <summary>Entries of the local vector table, in the order of their registers (from 0x320 on).</summary>
internal enum ApicLocalInterrupt
{
    /// <summary>The timer.</summary>
    Timer,

    /// <summary>The thermal sensor.</summary>
    Thermal,

    /// <summary>A performance counter that overflowed.</summary>
    Performance,

    /// <summary>Pin LINT0.</summary>
    Lint0,

    /// <summary>Pin LINT1.</summary>
    Lint1,

    /// <summary>An error that the APIC found itself.</summary>
    Error,
}
