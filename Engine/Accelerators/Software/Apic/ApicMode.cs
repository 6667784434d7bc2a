namespace Hyperpatch.Engine.Accelerators.Software.Apic;

/// <summary>How the registers are reached, by bits 11 and 10 of IA32_APIC_BASE.</summary>
internal enum ApicMode
{
    /// <summary>Not at all: the processor has no local APIC.</summary>
    Disabled,

    /// <summary>As a page of physical memory.</summary>
    XApic,

    /// <summary>As model-specific registers.</summary>
    X2Apic,
}
