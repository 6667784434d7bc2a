namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>The tables of the manual (Intel SDM vol. 2, F2XM1, FYL2X, FYL2XP1, FPATAN) around the transcendental functions.</summary>
internal readonly partial struct Float80
{
    /// <summary>NaNs, what is no number, and infinity, which has no angle.</summary>
    public static bool IsAngleDecided(Float80 a, ref FloatContext c, out Float80 result)
    {
        if (IsDecided(a, a, ref c, out result))
        {
            return true;
        }

        if (!a.IsInfinity)
        {
            return false;
        }

        c.Flags |= FloatContext.Invalid;
        result = Indefinite;
        return true;
    }

    /// <summary>F2XM1. Beyond one the manual defines nothing: a number stays what it is there.</summary>
    public static Float80 PowerOfTwoLessOne(Float80 a, ref FloatContext c)
    {
        if (IsDecided(a, a, ref c, out Float80 decided))
        {
            return decided;
        }

        if (a.IsInfinity)
        {
            return a.Sign ? Make(true, Bias, IntegerBit) : a;
        }

        NoteDenormal(a, a, ref c);
        bool isBeyond = a.Exponent > Bias || (a.Exponent == Bias && a.Significand != IntegerBit);
        return a.IsZero || isBeyond ? a : PowerLessOne(a, ref c);
    }

    /// <summary>FYL2X and FYL2XP1.</summary>
    public static Float80 LogarithmTimes(Float80 y, Float80 x, bool isOneMore, ref FloatContext c)
    {
        if (IsDecided(y, x, ref c, out Float80 decided))
        {
            return decided;
        }

        // Where the logarithm's argument is: below zero, at zero, and so on.
        int toZero = isOneMore ? CompareToOne(x.Negated) * -1 : x.IsZero ? 0 : x.Sign ? -1 : 1;
        int toOne = isOneMore ? (x.IsZero ? 0 : x.Sign ? -1 : 1) : CompareToOne(x);
        bool isInvalid = toZero < 0 || (y.IsZero && (toZero == 0 || x.IsInfinity)) || (y.IsInfinity && toOne == 0);
        if (isInvalid)
        {
            c.Flags |= FloatContext.Invalid;
            return Indefinite;
        }

        if (toZero == 0)
        {
            c.Flags |= y.IsInfinity ? 0 : FloatContext.ZeroDivide;
            return InfinityOf(!y.Sign);
        }

        NoteDenormal(y, x, ref c);
        bool sign = y.Sign ^ (toOne < 0 || (isOneMore && x.Sign));
        if (y.IsInfinity || x.IsInfinity)
        {
            return InfinityOf(sign);
        }

        if (y.IsZero || toOne == 0)
        {
            return ZeroOf(sign);
        }

        return isOneMore ? TimesLogarithmOfOneMore(y, x, ref c) : TimesLogarithm(y, WideFloat.Of(x), ref c);
    }

    /// <summary>FPATAN.</summary>
    public static Float80 ArcTangentOf(Float80 y, Float80 x, ref FloatContext c)
    {
        if (IsDecided(y, x, ref c, out Float80 decided))
        {
            return decided;
        }

        NoteDenormal(y, x, ref c);
        if (y.IsInfinity)
        {
            return QuartersOfPi(y.Sign, !x.IsInfinity ? 2 : x.Sign ? 3 : 1, ref c);
        }

        if (y.IsZero || x.IsInfinity)
        {
            return x.Sign ? QuartersOfPi(y.Sign, 4, ref c) : ZeroOf(y.Sign);
        }

        return x.IsZero ? QuartersOfPi(y.Sign, 2, ref c) : Angle(y, x, ref c);
    }

    // Of numbers and infinity.
    private static int CompareToOne(Float80 a) =>
        a.Sign || a.Exponent < Bias ? -1 : a.Exponent == Bias && a.Significand == IntegerBit ? 0 : 1;
}
