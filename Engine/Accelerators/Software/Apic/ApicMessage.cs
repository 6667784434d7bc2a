namespace Hyperpatch.Engine.Accelerators.Software.Apic;

/// <summary>An interrupt message on its way to local APICs.</summary>
internal readonly record struct ApicMessage
{
    private const uint NarrowBroadcast = 0xFF;

    /// <summary>What it does at its targets.</summary>
    public ApicDelivery Delivery { get; init; }

    /// <summary>Vector; without meaning for SMI, NMI and INIT.</summary>
    public byte Vector { get; init; }

    /// <summary>Targets without address.</summary>
    public ApicShorthand Shorthand { get; init; }

    /// <summary>APIC id, or a set of processors when <see cref="IsLogical"/>. Without meaning with a shorthand.</summary>
    public uint Destination { get; init; }

    /// <summary>The destination is compared with the logical destination registers, not with ids.</summary>
    public bool IsLogical { get; init; }

    /// <summary>The destination has 32 bits (x2APIC), not 8.</summary>
    public bool IsWide { get; init; }

    /// <summary>Level-triggered: remembered in the target's TMR.</summary>
    public bool IsLevel { get; init; }

    /// <summary>A level-triggered message that takes the level away. No processor since the Pentium 4 acts on it.</summary>
    public bool IsDeassert { get; init; }

    /// <summary>Whether the destination means every processor: all ones, in the width that the sender has.</summary>
    public bool IsBroadcast => Destination == (IsWide ? uint.MaxValue : NarrowBroadcast);

    /// <summary>A message to one processor.</summary>
    /// <param name="apicId">Its APIC id.</param>
    /// <param name="delivery">What it does there.</param>
    /// <param name="vector">Vector.</param>
    public static ApicMessage ToProcessor(uint apicId, ApicDelivery delivery, byte vector) =>
        new() { Destination = apicId, IsWide = true, Delivery = delivery, Vector = vector };

    /// <summary>Reads an interrupt command register.</summary>
    /// <param name="command">The low 32 bits.</param>
    /// <param name="destination">The destination, as wide as the mode has it.</param>
    /// <param name="isWide">Whether that is 32 bits.</param>
    public static ApicMessage FromCommand(uint command, uint destination, bool isWide)
    {
        bool isLevel = (command & 0x8000) != 0;
        return new ApicMessage
        {
            Vector = (byte)command,
            Delivery = (ApicDelivery)((command >> 8) & 7),
            IsLogical = (command & 0x800) != 0,
            IsLevel = isLevel,
            IsDeassert = isLevel && (command & 0x4000) == 0,
            Shorthand = (ApicShorthand)((command >> 18) & 3),
            Destination = destination,
            IsWide = isWide,
        };
    }
}
