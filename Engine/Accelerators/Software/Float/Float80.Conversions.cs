namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>Comparison, and conversion from and to other formats.</summary>
internal readonly partial struct Float80
{
    /// <summary>C3, C2 and C0 of a comparison that has no answer.</summary>
    public const int Unordered = 0x4500;

    private const int Equal = 0x4000;
    private const int Less = 0x100;

    /// <summary>Compares.</summary>
    /// <returns>C3, C2 and C0.</returns>
    public static int Compare(Float80 a, Float80 b, bool isQuiet, ref FloatContext c)
    {
        if (a.IsUnsupported || b.IsUnsupported || a.IsNaN || b.IsNaN)
        {
            bool invalid = !isQuiet || a.IsUnsupported || b.IsUnsupported || a.IsSignaling || b.IsSignaling;
            c.Flags |= invalid ? FloatContext.Invalid : 0;
            return Unordered;
        }

        NoteDenormal(a, b, ref c);
        if (a.IsZero && b.IsZero)
        {
            return Equal;
        }

        if (a.Sign != b.Sign)
        {
            return a.Sign ? Less : 0;
        }

        // The number one below the normal ones may have either of two exponents.
        int exponentA = Math.Max(a.Exponent, 1), exponentB = Math.Max(b.Exponent, 1);
        int order = exponentA != exponentB ? exponentA.CompareTo(exponentB) : a.Significand.CompareTo(b.Significand);
        return order == 0 ? Equal : (order < 0) != a.Sign ? Less : 0;
    }

    /// <summary>Widens without a look at what it is; a signaling NaN stays one. True when it is denormal in its own format.</summary>
    public static bool FromSingle(uint bits, out Float80 result)
    {
        int exponent = (int)(bits >> 23) & 0xFF;
        return Widen(bits >> 31 != 0, exponent, (ulong)(bits & 0x7F_FFFF) << 40, exponent == 0xFF, 127, out result);
    }

    /// <summary>The same for a double.</summary>
    public static bool FromDouble(ulong bits, out Float80 result)
    {
        int exponent = (int)(bits >> 52) & 0x7FF;
        return Widen(bits >> 63 != 0, exponent, (bits & 0xF_FFFF_FFFF_FFFF) << 11, exponent == 0x7FF, 1023, out result);
    }

    public static Float80 FromInteger(long value) => value == 0 ? default : FromWhole(value < 0, (ulong)(value < 0 ? -value : value));

    public static Float80 FromWhole(bool sign, ulong magnitude)
    {
        if (magnitude == 0)
        {
            return ZeroOf(sign);
        }

        int zeros = (int)ulong.LeadingZeroCount(magnitude);
        return Make(sign, Bias + 63 - zeros, magnitude << zeros);
    }

    public static uint ToSingle(Float80 a, ref FloatContext c) => (uint)ToBinary(a, 24, 8, ref c);

    public static ulong ToDouble(Float80 a, ref FloatContext c) => ToBinary(a, 53, 11, ref c);

    /// <summary>Rounds to an integer of some bits; what does not fit becomes the smallest one, and is invalid.</summary>
    public static long ToInteger(Float80 a, int bits, ref FloatContext c)
    {
        ulong smallest = 1UL << (bits - 1);
        if (!a.IsUnsupported && a.Exponent <= Bias + 63)
        {
            FloatContext rounded = c;
            ulong whole = a.IsZero ? 0 : ToWhole(a, ref rounded);
            if (whole < smallest || (a.Sign && whole == smallest))
            {
                c = rounded;
                return a.Sign ? -(long)whole : (long)whole;
            }
        }

        c.Flags |= FloatContext.Invalid;
        return -(long)smallest;
    }

    // The magnitude, rounded to a whole number. Of numbers below 2^64.
    internal static ulong ToWhole(Float80 a, ref FloatContext c)
    {
        int shift = Bias + 63 - Math.Max(a.Exponent, 1);
        UInt128 value = ShiftRight((UInt128)a.Significand << 64, shift);
        ulong whole = (ulong)(value >> 64), fraction = (ulong)value;
        bool up = c.Rounding switch
        {
            FloatContext.Nearest => fraction > IntegerBit || (fraction == IntegerBit && (whole & 1) != 0),
            FloatContext.Down => a.Sign && fraction != 0,
            FloatContext.Up => !a.Sign && fraction != 0,
            _ => false,
        };
        Note(fraction != 0, up, ref c);
        return up ? whole + 1 : whole;
    }

    private static bool Widen(bool sign, int exponent, ulong fraction, bool isSpecial, int bias, out Float80 result)
    {
        if (isSpecial)
        {
            result = Make(sign, MostExponent, IntegerBit | fraction);
            return false;
        }

        if (exponent != 0)
        {
            result = Make(sign, exponent - bias + Bias, IntegerBit | fraction);
            return false;
        }

        if (fraction == 0)
        {
            result = ZeroOf(sign);
            return false;
        }

        int zeros = (int)ulong.LeadingZeroCount(fraction);
        result = Make(sign, 1 - bias + Bias - zeros, fraction << zeros);
        return true;
    }

    private static ulong ToBinary(Float80 a, int bits, int exponentBits, ref FloatContext c)
    {
        int most = (1 << exponentBits) - 1;
        bool sign = a.Sign;
        ulong significand;
        int exponent;
        if (a.IsUnsupported || a.IsNaN)
        {
            c.Flags |= a.IsUnsupported || a.IsSignaling ? FloatContext.Invalid : 0;
            Float80 quiet = a.IsUnsupported ? Indefinite : a.Quiet;
            sign = quiet.Sign;
            significand = quiet.Significand;
            exponent = most;
        }
        else if (a.IsInfinity || a.IsZero)
        {
            significand = 0;
            exponent = a.IsZero ? 0 : most;
        }
        else
        {
            a.Normalize(out exponent, out significand);
            exponent += (most >> 1) - Bias;
            significand = Round(sign, ref exponent, (UInt128)significand << 64, bits, most, ref c);
        }

        ulong fraction = (significand & ~IntegerBit) >> (64 - bits);
        return (sign ? 1UL << (bits + exponentBits - 1) : 0) | ((ulong)(uint)exponent << (bits - 1)) | fraction;
    }
}
