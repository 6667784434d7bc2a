namespace Hyperpatch.Engine.Guests.Images;

/// <summary>Registers of the local APIC in x2APIC mode, as MSR indexes (Intel SDM vol. 3, 10.12.1.2).</summary>
internal static class X2Apic
{
    /// <summary>EOI.</summary>
    public const uint EndOfInterrupt = 0x80B;

    /// <summary>SVR: spurious vector, software enable in bit 8.</summary>
    public const uint Spurious = 0x80F;

    /// <summary>ICR, 64 bits: destination in the high half.</summary>
    public const uint InterruptCommand = 0x830;

    /// <summary>LVT timer.</summary>
    public const uint TimerVector = 0x832;

    /// <summary>Timer's initial count.</summary>
    public const uint TimerInitialCount = 0x838;

    /// <summary>Timer's divide configuration.</summary>
    public const uint TimerDivide = 0x83E;

    /// <summary>LVT timer: periodic mode.</summary>
    public const uint Periodic = 1 << 17;

    /// <summary>Divide configuration for 1.</summary>
    public const uint DivideBy1 = 0xB;

    /// <summary>ICR: all processors but the sender.</summary>
    public const uint AllButSelf = 3 << 18;

    /// <summary>Timer's clock before division: KVM's APIC bus has a cycle of 1 ns (kernel: APIC_BUS_CYCLE_NS).</summary>
    public const long TimerHertz = 1_000_000_000;
}
