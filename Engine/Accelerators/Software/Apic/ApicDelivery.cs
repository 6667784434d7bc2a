namespace Hyperpatch.Engine.Accelerators.Software.Apic;

/// <summary>What an interrupt message does at its target: bits 10:8 of the interrupt command register, of an LVT entry, of an MSI.</summary>
internal enum ApicDelivery
{
    /// <summary>The vector, at every target.</summary>
    Fixed = 0,

    /// <summary>The vector, at the one of the targets that has the lowest priority.</summary>
    LowestPriority = 1,

    /// <summary>System management interrupt: no target takes it.</summary>
    Smi = 2,

    /// <summary>Reserved.</summary>
    Reserved = 3,

    /// <summary>Non-maskable interrupt.</summary>
    Nmi = 4,

    /// <summary>INIT.</summary>
    Init = 5,

    /// <summary>Start-up: the vector is the page of the first instruction.</summary>
    Startup = 6,

    /// <summary>The vector comes from an external controller: there is none.</summary>
    External = 7,
}
