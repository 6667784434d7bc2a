namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>FPREM, FPREM1, FSCALE and FXTRACT, none of which looks at the control word's precision.</summary>
internal readonly partial struct Float80
{
    private const int WholePrecision = 64;
    private const int C0 = 0x100, C2 = 0x400, C3 = 0x4000;

    // What is left when the quotient has more bits than come out at once; the manual leaves 32 to 63 to the processor.
    private const int MostSteps = 63;

    /// <summary>The remainder, or a step towards it.</summary>
    /// <param name="a">Dividend.</param>
    /// <param name="b">Divisor.</param>
    /// <param name="isNearest">Whether the quotient is rounded to the nearest (FPREM1), else to zero.</param>
    /// <param name="c">Context.</param>
    /// <param name="conditions">C2 when it is only a step; else the quotient's lowest bits in C0, C3 and C1; -1 when there is no quotient.</param>
    public static Float80 Remainder(Float80 a, Float80 b, bool isNearest, ref FloatContext c, out int conditions)
    {
        conditions = -1;
        if (IsDecided(a, b, ref c, out Float80 decided))
        {
            return decided;
        }

        if (a.IsInfinity || b.IsZero)
        {
            c.Flags |= FloatContext.Invalid;
            return Indefinite;
        }

        NoteDenormal(a, b, ref c);
        conditions = 0;
        if (a.IsZero)
        {
            return a;
        }

        a.Normalize(out int exponent, out ulong significand);
        int exponentB = int.MaxValue;
        ulong divisorBits = 0;
        if (!b.IsInfinity)
        {
            b.Normalize(out exponentB, out divisorBits);
        }

        bool sign = a.Sign;
        int distance = b.IsInfinity ? int.MinValue : exponent - exponentB;
        UInt128 rest = significand;
        if (distance >= 0)
        {
            int steps = distance > MostSteps ? StepsOf(distance) : distance;
            (UInt128 quotient, rest) = UInt128.DivRem((UInt128)significand << steps, divisorBits);
            exponent -= steps;
            conditions = distance > MostSteps ? C2 : Nearest(ref quotient, divisorBits, ref rest, ref sign, isNearest);
        }
        else if (distance == -1 && isNearest)
        {
            UInt128 quotient = 0;
            conditions = Nearest(ref quotient, (UInt128)divisorBits << 1, ref rest, ref sign, isNearest);
        }

        if (rest == 0)
        {
            return ZeroOf(a.Sign);
        }

        int zeros = (int)UInt128.LeadingZeroCount(rest);
        return RoundToRegister(sign, exponent + 64 - zeros, rest << zeros, WholePrecision, ref c);
    }

    /// <summary>Multiplies by two to the power of another number's whole part.</summary>
    public static Float80 Scale(Float80 a, Float80 b, ref FloatContext c)
    {
        // More than this is out of range in any case.
        const int Most = 0x1_0000;
        if (IsDecided(a, b, ref c, out Float80 decided))
        {
            return decided;
        }

        if (b.IsInfinity && (b.Sign ? a.IsInfinity : a.IsZero))
        {
            c.Flags |= FloatContext.Invalid;
            return Indefinite;
        }

        NoteDenormal(a, b, ref c);
        if (a.IsInfinity || a.IsZero)
        {
            return a;
        }

        if (b.IsInfinity)
        {
            return b.Sign ? ZeroOf(a.Sign) : InfinityOf(a.Sign);
        }

        int distance = b.Exponent - Bias;
        int power = distance < 0 ? 0 : distance > 16 ? Most : (int)(b.Significand >> (63 - distance));
        a.Normalize(out int exponent, out ulong significand);
        exponent += b.Sign ? -power : power;
        // So far outside that no wrapped exponent fits either: infinity or zero, whatever the rounding (Intel SDM vol. 2, FSCALE).
        if (exponent - WrapDistance >= MostExponent && !c.IsMasked(FloatContext.Overflow))
        {
            c.Flags |= FloatContext.Overflow | FloatContext.Inexact | FloatContext.RoundedUp;
            return InfinityOf(a.Sign);
        }

        if (exponent + WrapDistance <= 0 && !c.IsMasked(FloatContext.Underflow))
        {
            c.Flags |= FloatContext.Underflow | FloatContext.Inexact;
            return ZeroOf(a.Sign);
        }

        return RoundToRegister(a.Sign, exponent, (UInt128)significand << 64, WholePrecision, ref c);
    }

    /// <summary>Takes a number apart.</summary>
    /// <param name="a">The number.</param>
    /// <param name="c">Context.</param>
    /// <param name="power">Its exponent, as a number.</param>
    /// <returns>Its significand, from one to below two, with its sign.</returns>
    public static Float80 Extract(Float80 a, ref FloatContext c, out Float80 power)
    {
        if (IsDecided(a, a, ref c, out power))
        {
            return power;
        }

        if (a.IsInfinity)
        {
            power = InfinityOf(false);
            return a;
        }

        if (a.IsZero)
        {
            c.Flags |= FloatContext.ZeroDivide;
            power = InfinityOf(true);
            return a;
        }

        NoteDenormal(a, a, ref c);
        a.Normalize(out int exponent, out ulong significand);
        power = FromInteger(exponent - Bias);
        return Make(a.Sign, Bias, significand);
    }

    private static int StepsOf(int distance) => (distance & 31) | 32;

    // The quotient's lowest bits as condition codes, after it was rounded up where that is nearer.
    private static int Nearest(ref UInt128 quotient, UInt128 divisor, ref UInt128 rest, ref bool sign, bool isNearest)
    {
        UInt128 twice = rest << 1;
        if (isNearest && (twice > divisor || (twice == divisor && (quotient & 1) != 0)))
        {
            rest = divisor - rest;
            sign = !sign;
            quotient++;
        }

        int bits = (int)quotient & 7;
        return ((bits & 4) != 0 ? C0 : 0) | ((bits & 2) != 0 ? C3 : 0) | ((bits & 1) != 0 ? FloatContext.RoundedUp : 0);
    }
}
