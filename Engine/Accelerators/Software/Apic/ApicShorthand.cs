namespace Hyperpatch.Engine.Accelerators.Software.Apic;

/// <summary>Targets that need no address: bits 19:18 of the interrupt command register.</summary>
internal enum ApicShorthand
{
    /// <summary>The destination field counts.</summary>
    None = 0,

    /// <summary>The sender.</summary>
    Self = 1,

    /// <summary>All processors.</summary>
    All = 2,

    /// <summary>All processors but the sender.</summary>
    Others = 3,
}
