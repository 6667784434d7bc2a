using System.Collections.Immutable;

namespace Hyperpatch.Engine.Guests.Images;

/// <summary>Exception vectors (Intel SDM vol. 3, 6.3.1).</summary>
internal static class Vectors
{
    /// <summary>#UD.</summary>
    public const int InvalidOpcode = 6;

    /// <summary>#DF.</summary>
    public const int DoubleFault = 8;

    /// <summary>#GP.</summary>
    public const int GeneralProtection = 13;

    /// <summary>#PF.</summary>
    public const int PageFault = 14;

    /// <summary>Interrupt of the local APIC's timer.</summary>
    public const int Timer = 0x40;

    /// <summary>Interrupt between processors.</summary>
    public const int Ipi = 0x41;

    /// <summary>The local APIC's spurious interrupt.</summary>
    public const int Spurious = 0xFF;

    /// <summary>Mnemonics of vectors 0 to 31; the last entry stands for any other.</summary>
    public static ImmutableArray<string> Names { get; } =
    [
        "#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", "vector 9", "#TS", "#NP", "#SS", "#GP", "#PF", "vector 15",
        "#MF", "#AC", "#MC", "#XM", "#VE", "#CP", "vector 22", "vector 23", "vector 24", "vector 25", "vector 26", "vector 27",
        "#HV", "#VC", "#SX", "vector 31", "unexpected interrupt",
    ];

    /// <summary>Whether the processor pushes an error code.</summary>
    /// <param name="vector">0 to 31.</param>
    public static bool HasErrorCode(int vector) => vector is 8 or (>= 10 and <= 14) or 17 or 21 or 29 or 30;
}
