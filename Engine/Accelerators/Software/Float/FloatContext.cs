namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>How a floating-point operation is to round, and what it has to report. Flags have their places of the x87 status word.</summary>
internal struct FloatContext
{
    public const int Invalid = 1;
    public const int Denormal = 2;
    public const int ZeroDivide = 4;
    public const int Overflow = 8;
    public const int Underflow = 16;
    public const int Inexact = 32;

    /// <summary>C1: the result is larger in magnitude than the exact one.</summary>
    public const int RoundedUp = 0x200;

    public const int Nearest = 0;
    public const int Down = 1;
    public const int Up = 2;
    public const int Zero = 3;

    /// <summary>What has happened.</summary>
    public int Flags;

    /// <summary>Which exceptions are masked.</summary>
    public int Masks;

    /// <summary>Direction: as the two bits of the control word have it.</summary>
    public int Rounding;

    /// <summary>Bits of the significand that results of arithmetic are rounded to.</summary>
    public int Precision;

    public FloatContext(ushort control)
    {
        Masks = control & 0x3F;
        Rounding = (control >> 10) & 3;
        Precision = ((control >> 8) & 3) switch { 0 => 24, 2 => 53, _ => 64 };
    }

    /// <summary>Whether something happened that leaves the destination alone.</summary>
    public readonly bool IsStopped => (Flags & ~Masks & (Invalid | Denormal | ZeroDivide)) != 0;

    /// <summary>The same for destinations in memory, which take no result with a wrapped exponent either.</summary>
    public readonly bool IsStoreStopped => (Flags & ~Masks & (Invalid | Denormal | ZeroDivide | Overflow | Underflow)) != 0;

    public readonly bool IsMasked(int exception) => (Masks & exception) != 0;
}
