namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>Arithmetic: exact in 128 bits, then rounded once.</summary>
internal readonly partial struct Float80
{
    public static Float80 Add(Float80 a, Float80 b, ref FloatContext c)
    {
        if (IsDecided(a, b, ref c, out Float80 decided))
        {
            return decided;
        }

        if (a.IsInfinity || b.IsInfinity)
        {
            if (a.IsInfinity && b.IsInfinity && a.Sign != b.Sign)
            {
                c.Flags |= FloatContext.Invalid;
                return Indefinite;
            }

            NoteDenormal(a, b, ref c);
            return a.IsInfinity ? a : b;
        }

        NoteDenormal(a, b, ref c);
        if (a.IsZero && b.IsZero)
        {
            return a.Sign == b.Sign ? a : ZeroOf(c.Rounding == FloatContext.Down);
        }

        if (a.IsZero || b.IsZero)
        {
            return Again(a.IsZero ? b : a, ref c);
        }

        a.Normalize(out int exponentA, out ulong significandA);
        b.Normalize(out int exponentB, out ulong significandB);
        bool sign = a.Sign, signB = b.Sign;
        if (exponentA < exponentB)
        {
            (exponentA, exponentB) = (exponentB, exponentA);
            (significandA, significandB) = (significandB, significandA);
            (sign, signB) = (signB, sign);
        }

        // One bit is left free at the top for the carry.
        UInt128 x = (UInt128)significandA << 63;
        UInt128 y = ShiftRight((UInt128)significandB << 63, exponentA - exponentB);
        if (sign == signB)
        {
            x += y;
        }
        else if (x >= y)
        {
            x -= y;
        }
        else
        {
            x = y - x;
            sign = !sign;
        }

        if (x == 0)
        {
            return ZeroOf(c.Rounding == FloatContext.Down);
        }

        int zeros = (int)UInt128.LeadingZeroCount(x);
        return RoundToRegister(sign, exponentA + 1 - zeros, x << zeros, c.Precision, ref c);
    }

    /// <summary>The difference. The sign of a NaN is not turned.</summary>
    public static Float80 Subtract(Float80 a, Float80 b, ref FloatContext c) =>
        IsDecided(a, b, ref c, out Float80 decided) ? decided : Add(a, b.Negated, ref c);

    public static Float80 Multiply(Float80 a, Float80 b, ref FloatContext c)
    {
        if (IsDecided(a, b, ref c, out Float80 decided))
        {
            return decided;
        }

        bool sign = a.Sign ^ b.Sign;
        if ((a.IsInfinity && b.IsZero) || (a.IsZero && b.IsInfinity))
        {
            c.Flags |= FloatContext.Invalid;
            return Indefinite;
        }

        NoteDenormal(a, b, ref c);
        if (a.IsInfinity || b.IsInfinity)
        {
            return InfinityOf(sign);
        }

        if (a.IsZero || b.IsZero)
        {
            return ZeroOf(sign);
        }

        a.Normalize(out int exponentA, out ulong significandA);
        b.Normalize(out int exponentB, out ulong significandB);
        UInt128 product = (UInt128)significandA * significandB;
        int zeros = (int)UInt128.LeadingZeroCount(product);
        return RoundToRegister(sign, exponentA + exponentB - Bias + 1 - zeros, product << zeros, c.Precision, ref c);
    }

    public static Float80 Divide(Float80 a, Float80 b, ref FloatContext c)
    {
        if (IsDecided(a, b, ref c, out Float80 decided))
        {
            return decided;
        }

        bool sign = a.Sign ^ b.Sign;
        if ((a.IsInfinity && b.IsInfinity) || (a.IsZero && b.IsZero))
        {
            c.Flags |= FloatContext.Invalid;
            return Indefinite;
        }

        if (b.IsZero && !a.IsInfinity)
        {
            // This goes before a denormal operand (Intel SDM vol. 1, 4.9.2), which processors then do not tell of.
            c.Flags |= FloatContext.ZeroDivide;
            return InfinityOf(sign);
        }

        NoteDenormal(a, b, ref c);
        if (a.IsInfinity)
        {
            return InfinityOf(sign);
        }

        if (b.IsInfinity || a.IsZero)
        {
            return ZeroOf(sign);
        }

        a.Normalize(out int exponentA, out ulong significandA);
        b.Normalize(out int exponentB, out ulong significandB);
        int exponent = exponentA - exponentB + Bias;
        int shift = 63;
        if (significandA < significandB)
        {
            exponent--;
            shift = 64;
        }

        (UInt128 quotient, UInt128 rest) = UInt128.DivRem((UInt128)significandA << shift, significandB);
        return RoundToRegister(sign, exponent, (quotient << 64) | Fraction(rest, significandB - rest), c.Precision, ref c);
    }

    public static Float80 SquareRoot(Float80 a, ref FloatContext c)
    {
        if (IsDecided(a, a, ref c, out Float80 decided))
        {
            return decided;
        }

        if (a.IsZero)
        {
            return a;
        }

        if (a.Sign)
        {
            c.Flags |= FloatContext.Invalid;
            return Indefinite;
        }

        if (a.IsInfinity)
        {
            return a;
        }

        NoteDenormal(a, a, ref c);
        a.Normalize(out int exponent, out ulong significand);
        exponent -= Bias;
        UInt128 square = (UInt128)significand << ((exponent & 1) == 0 ? 63 : 64);
        ulong root = Root(square);
        UInt128 rest = square - ((UInt128)root * root);
        // (root + 1/2)^2 is root^2 + root + 1/4: never met exactly.
        UInt128 fraction = rest == 0 ? 0 : ((UInt128)(rest > root ? 3 : 1) << 62);
        return RoundToRegister(false, (exponent >> 1) + Bias, ((UInt128)root << 64) | fraction, c.Precision, ref c);
    }

    /// <summary>Rounds to a whole number of the same format.</summary>
    public static Float80 RoundToInteger(Float80 a, ref FloatContext c)
    {
        if (IsDecided(a, a, ref c, out Float80 decided))
        {
            return decided;
        }

        if (a.IsZero || a.Exponent >= Bias + 63)
        {
            return a;
        }

        NoteDenormal(a, a, ref c);
        ulong whole = ToWhole(a, ref c);
        return whole == 0 ? ZeroOf(a.Sign) : FromWhole(a.Sign, whole);
    }

    // A number comes out of a sum with zero as it went in, but rounded.
    private static Float80 Again(Float80 a, ref FloatContext c)
    {
        a.Normalize(out int exponent, out ulong significand);
        return RoundToRegister(a.Sign, exponent, (UInt128)significand << 64, c.Precision, ref c);
    }

    // What is behind the point, as far as rounding cares: nothing, less than a half, a half, more.
    private static UInt128 Fraction(UInt128 rest, UInt128 toNext)
    {
        int fraction = rest == 0 ? 0 : rest > toNext ? 3 : rest == toNext ? 2 : 1;
        return (UInt128)fraction << 62;
    }

    private static ulong Root(UInt128 square)
    {
        double estimate = Math.Sqrt((double)square);
        UInt128 root = estimate >= 18446744073709551615.0 ? ulong.MaxValue : (UInt128)(ulong)estimate;
        root = (root + (square / root)) >> 1;
        root = root > ulong.MaxValue ? ulong.MaxValue : root;
        while (root * root > square)
        {
            root--;
        }

        while (root < ulong.MaxValue && (root + 1) * (root + 1) <= square)
        {
            root++;
        }

        return (ulong)root;
    }
}
