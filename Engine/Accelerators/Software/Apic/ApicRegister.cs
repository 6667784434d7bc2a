namespace Hyperpatch.Engine.Accelerators.Software.Apic;

/// <summary>
/// Registers by number: times 16 the offset in the page, plus 0x800 the model-specific register (Intel SDM vol. 3, "Local APIC
/// Register Address Map" and "x2APIC Register Address Space").
/// </summary>
internal static class ApicRegister
{
    /// <summary>APIC id.</summary>
    public const uint Id = 0x02;

    /// <summary>Version.</summary>
    public const uint Version = 0x03;

    /// <summary>TPR.</summary>
    public const uint TaskPriority = 0x08;

    /// <summary>APR: only older processors have it. Reads as 0.</summary>
    public const uint ArbitrationPriority = 0x09;

    /// <summary>PPR.</summary>
    public const uint ProcessorPriority = 0x0A;

    /// <summary>EOI.</summary>
    public const uint EndOfInterrupt = 0x0B;

    /// <summary>RRD: only older processors have it. Reads as 0.</summary>
    public const uint RemoteRead = 0x0C;

    /// <summary>LDR.</summary>
    public const uint LogicalDestination = 0x0D;

    /// <summary>DFR, not with x2APIC.</summary>
    public const uint DestinationFormat = 0x0E;

    /// <summary>SVR.</summary>
    public const uint Spurious = 0x0F;

    /// <summary>ISR: the first of eight.</summary>
    public const uint InService = 0x10;

    /// <summary>TMR: the first of eight.</summary>
    public const uint TriggerMode = 0x18;

    /// <summary>IRR: the first of eight.</summary>
    public const uint Request = 0x20;

    /// <summary>ESR.</summary>
    public const uint ErrorStatus = 0x28;

    /// <summary>ICR: low half in the page, all of it with x2APIC.</summary>
    public const uint Command = 0x30;

    /// <summary>ICR's high half, not with x2APIC.</summary>
    public const uint CommandHigh = 0x31;

    /// <summary>LVT: the first of six.</summary>
    public const uint LocalVector = 0x32;

    /// <summary>Timer: initial count.</summary>
    public const uint InitialCount = 0x38;

    /// <summary>Timer: current count.</summary>
    public const uint CurrentCount = 0x39;

    /// <summary>Timer: divide configuration.</summary>
    public const uint Divide = 0x3E;

    /// <summary>SELF IPI, with x2APIC only.</summary>
    public const uint SelfIpi = 0x3F;

    /// <summary>Registers that there is room for.</summary>
    public const uint Count = 0x40;
}
