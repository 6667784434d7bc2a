namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>Packed decimal: 18 digits, and a sign in the highest bit.</summary>
internal readonly partial struct Float80
{
    private const ulong MostDecimal = 999_999_999_999_999_999;
    private const int DigitsBelow = 16; // in the lower eight bytes

    /// <summary>Reads a number. What digits above 9 give is not defined: here the digit's weight that many times.</summary>
    public static Float80 FromDecimal(ulong low, ushort high)
    {
        ulong magnitude = ((ulong)(high >> 4) & 15) * 10 + (high & 15u);
        for (int i = DigitsBelow - 1; i >= 0; i--)
        {
            magnitude = (magnitude * 10) + ((low >> (i * 4)) & 15);
        }

        return FromWhole(high >> 15 != 0, magnitude);
    }

    /// <summary>Rounds to a whole number; what does not fit becomes the indefinite one, and is invalid.</summary>
    /// <returns>The lower 16 digits.</returns>
    public static ulong ToDecimal(Float80 a, ref FloatContext c, out ushort high)
    {
        if (!a.IsUnsupported && a.Exponent < Bias + 63)
        {
            FloatContext rounded = c;
            ulong whole = a.IsZero ? 0 : ToWhole(a, ref rounded);
            if (whole <= MostDecimal)
            {
                c = rounded;
                ulong digits = 0;
                for (int i = 0; i < DigitsBelow; i++)
                {
                    digits |= whole % 10 << (i * 4);
                    whole /= 10;
                }

                high = (ushort)((whole / 10 << 4) | (whole % 10) | (a.Sign ? 0x8000u : 0));
                return digits;
            }
        }

        c.Flags |= FloatContext.Invalid;
        high = 0xFFFF;
        return 0xC000_0000_0000_0000;
    }
}
