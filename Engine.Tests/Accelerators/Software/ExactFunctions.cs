using System.Numerics;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>Transcendental functions of whole numbers that stand for so many parts of two to the <see cref="Bits"/>; right to far more than 300 bits.</summary>
internal static class ExactFunctions
{
    /// <summary>Bits behind the point.</summary>
    public const int Bits = 480;

    private static readonly BigInteger s_one = BigInteger.One << Bits;

    /// <summary>Half a turn, by Machin's formula.</summary>
    public static BigInteger Pi { get; } = 4 * ((4 * ArcTangentOfInverse(5)) - ArcTangentOfInverse(239));

    private static readonly BigInteger s_ln2 = NaturalLogarithm(2 * s_one);

    /// <summary>Sine.</summary>
    public static BigInteger Sine(BigInteger x)
    {
        x = BigInteger.Remainder(x, 2 * Pi);
        BigInteger sum = 0, term = x;
        for (int n = 1; term != 0; n += 2)
        {
            sum += term;
            term = -((term * x >> Bits) * x >> Bits) / ((n + 1) * (n + 2));
        }

        return sum;
    }

    /// <summary>Cosine.</summary>
    public static BigInteger Cosine(BigInteger x) => Sine(x + (Pi / 2));

    /// <summary>Quotient.</summary>
    public static BigInteger Divide(BigInteger a, BigInteger b) => (a << Bits) / b;

    /// <summary>Product.</summary>
    public static BigInteger Multiply(BigInteger a, BigInteger b) => a * b >> Bits;

    /// <summary>2^x - 1.</summary>
    public static BigInteger PowerLessOne(BigInteger x)
    {
        BigInteger y = Multiply(x, s_ln2), sum = 0, term = y;
        for (int n = 2; term != 0 && n < 300; n++)
        {
            sum += term;
            term = Multiply(term, y) / n;
        }

        return sum;
    }

    /// <summary>Logarithm to base 2.</summary>
    public static BigInteger Logarithm(BigInteger x)
    {
        int power = (int)x.GetBitLength() - 1 - Bits;
        BigInteger m = power < 0 ? x << -power : x >> power;
        return (power * s_one) + Divide(NaturalLogarithm(m), s_ln2);
    }

    /// <summary>Arc tangent of a positive number, by Euler's series.</summary>
    public static BigInteger ArcTangent(BigInteger x)
    {
        if (x > s_one)
        {
            return (Pi / 2) - ArcTangent(Divide(s_one, x));
        }

        BigInteger square = Multiply(x, x), ratio = Divide(square, s_one + square), term = Divide(x, s_one + square), sum = 0;
        for (int n = 1; term != 0; n++)
        {
            sum += term;
            term = Multiply(term, ratio) * (2 * n) / ((2 * n) + 1);
        }

        return sum;
    }

    private static BigInteger NaturalLogarithm(BigInteger x)
    {
        BigInteger a = Divide(x - s_one, x + s_one), square = Multiply(a, a), sum = 0;
        for (int n = 1; a != 0 && n < 2000; n += 2)
        {
            sum += a / n;
            a = Multiply(a, square);
        }

        return 2 * sum;
    }

    private static BigInteger ArcTangentOfInverse(int x)
    {
        BigInteger term = (BigInteger.One << Bits) / x, sum = 0;
        for (int n = 1; term != 0; n += 2)
        {
            sum += term / n;
            term /= -x * x;
        }

        return sum;
    }
}
