namespace Hyperpatch.Engine.Accelerators.Software.Apic;

/// <summary>What connects the local APICs of a partition.</summary>
internal interface IApicBus
{
    /// <summary>Finds a message's targets and gives it to them. Any thread.</summary>
    /// <param name="sender">The APIC that sends, for shorthands; null for a device or the host.</param>
    /// <param name="message">The message.</param>
    /// <returns>True when at least one local APIC took it.</returns>
    bool Send(LocalApic? sender, in ApicMessage message);
}
