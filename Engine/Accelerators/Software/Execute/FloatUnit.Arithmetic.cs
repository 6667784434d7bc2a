namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>Sums, products, quotients, roots and comparisons.</summary>
internal ref partial struct FloatUnit
{
    public ulong Add(ulong a, ulong b, bool wide)
    {
        if (_isPlain && IsOrdinary(a, wide) && IsOrdinary(b, wide))
        {
            ulong sum = wide
                ? BitConverter.DoubleToUInt64Bits(BitConverter.UInt64BitsToDouble(a) + BitConverter.UInt64BitsToDouble(b))
                : BitConverter.SingleToUInt32Bits(BitConverter.UInt32BitsToSingle((uint)a) + BitConverter.UInt32BitsToSingle((uint)b));
            if (IsOrdinary(sum, wide) || sum == 0)
            {
                return sum;
            }
        }

        a = Take(a, wide);
        b = Take(b, wide);
        if (IsNan(a, wide) || IsNan(b, wide))
        {
            return Quiet(a, b, wide);
        }

        bool differ = IsNegative(a, wide) != IsNegative(b, wide);
        if (IsInfinite(a, wide) || IsInfinite(b, wide))
        {
            if (IsInfinite(a, wide) && IsInfinite(b, wide) && differ)
            {
                return InvalidOperation(wide);
            }

            NoteDenormals(a, b, wide);
            return IsInfinite(a, wide) ? a : b;
        }

        NoteDenormals(a, b, wide);
        if (IsZero(a, wide) && IsZero(b, wide))
        {
            return differ ? ZeroOfDifference(wide) : a;
        }

        if (IsZero(a, wide) || IsZero(b, wide))
        {
            Number only = Unpack(IsZero(a, wide) ? b : a, wide);
            return Round(only.IsNegative, only.Exponent, only.Significand, sticky: false, wide);
        }

        Number big = Unpack(a, wide), small = Unpack(b, wide);
        if (small.Exponent > big.Exponent)
        {
            (big, small) = (small, big);
        }

        const int Room = 62;
        UInt128 x = (UInt128)big.Significand << Room, y = (UInt128)small.Significand << Room;
        int distance = big.Exponent - small.Exponent;
        UInt128 aligned = distance > 127 ? UInt128.Zero : y >> distance;
        bool sticky = distance > 127 || aligned << distance != y;
        if (!differ)
        {
            return Round(big.IsNegative, big.Exponent - Room, x + aligned, sticky, wide);
        }

        if (x < aligned)
        {
            // Of the same exponent, so that nothing is lost.
            return Round(small.IsNegative, big.Exponent - Room, aligned - x, sticky: false, wide);
        }

        UInt128 difference = x - aligned - (sticky ? UInt128.One : UInt128.Zero);
        return difference == UInt128.Zero
            ? ZeroOfDifference(wide)
            : Round(big.IsNegative, big.Exponent - Room, difference, sticky, wide);
    }

    public ulong Subtract(ulong a, ulong b, bool wide)
    {
        // A NaN keeps its sign.
        return Add(a, IsNan(b, wide) ? b : b ^ SignBit(wide), wide);
    }

    public ulong Multiply(ulong a, ulong b, bool wide)
    {
        if (_isPlain && IsOrdinary(a, wide) && IsOrdinary(b, wide))
        {
            ulong product = wide
                ? BitConverter.DoubleToUInt64Bits(BitConverter.UInt64BitsToDouble(a) * BitConverter.UInt64BitsToDouble(b))
                : BitConverter.SingleToUInt32Bits(BitConverter.UInt32BitsToSingle((uint)a) * BitConverter.UInt32BitsToSingle((uint)b));
            if (IsOrdinary(product, wide))
            {
                return product;
            }
        }

        a = Take(a, wide);
        b = Take(b, wide);
        if (IsNan(a, wide) || IsNan(b, wide))
        {
            return Quiet(a, b, wide);
        }

        ulong sign = (a ^ b) & SignBit(wide);
        if (IsInfinite(a, wide) || IsInfinite(b, wide))
        {
            if (IsZero(a, wide) || IsZero(b, wide))
            {
                return InvalidOperation(wide);
            }

            NoteDenormals(a, b, wide);
            return sign | Infinity(wide);
        }

        NoteDenormals(a, b, wide);
        if (IsZero(a, wide) || IsZero(b, wide))
        {
            return sign;
        }

        Number x = Unpack(a, wide), y = Unpack(b, wide);
        // The lower bits are zero: significands have at most 53.
        UInt128 exact = (UInt128)x.Significand * y.Significand >> 2;
        return Round(sign != 0, x.Exponent + y.Exponent + 2, exact, sticky: false, wide);
    }

    public ulong Divide(ulong a, ulong b, bool wide)
    {
        if (_isPlain && IsOrdinary(a, wide) && IsOrdinary(b, wide))
        {
            ulong quotient = wide
                ? BitConverter.DoubleToUInt64Bits(BitConverter.UInt64BitsToDouble(a) / BitConverter.UInt64BitsToDouble(b))
                : BitConverter.SingleToUInt32Bits(BitConverter.UInt32BitsToSingle((uint)a) / BitConverter.UInt32BitsToSingle((uint)b));
            if (IsOrdinary(quotient, wide))
            {
                return quotient;
            }
        }

        a = Take(a, wide);
        b = Take(b, wide);
        if (IsNan(a, wide) || IsNan(b, wide))
        {
            return Quiet(a, b, wide);
        }

        ulong sign = (a ^ b) & SignBit(wide);
        if ((IsInfinite(a, wide) && IsInfinite(b, wide)) || (IsZero(a, wide) && IsZero(b, wide)))
        {
            return InvalidOperation(wide);
        }

        if (IsZero(b, wide) && !IsInfinite(a, wide))
        {
            RaisedBefore |= DivideByZero;
            return sign | Infinity(wide);
        }

        NoteDenormals(a, b, wide);
        if (IsInfinite(a, wide))
        {
            return sign | Infinity(wide);
        }

        if (IsInfinite(b, wide) || IsZero(a, wide))
        {
            return sign;
        }

        const int Room = 62;
        Number x = Unpack(a, wide), y = Unpack(b, wide);
        UInt128 dividend = (UInt128)x.Significand << Room;
        UInt128 exact = dividend / y.Significand;
        return Round(sign != 0, x.Exponent - y.Exponent - Room, exact, exact * y.Significand != dividend, wide);
    }

    public ulong SquareRoot(ulong a, bool wide)
    {
        if (_isPlain && IsOrdinary(a, wide) && !IsNegative(a, wide))
        {
            return wide
                ? BitConverter.DoubleToUInt64Bits(Math.Sqrt(BitConverter.UInt64BitsToDouble(a)))
                : BitConverter.SingleToUInt32Bits(MathF.Sqrt(BitConverter.UInt32BitsToSingle((uint)a)));
        }

        a = Take(a, wide);
        if (IsNan(a, wide))
        {
            return Quiet(a, a, wide);
        }

        if (IsZero(a, wide))
        {
            return a;
        }

        if (IsNegative(a, wide))
        {
            return InvalidOperation(wide);
        }

        NoteDenormals(a, a, wide);
        if (IsInfinite(a, wide))
        {
            return a;
        }

        Number x = Unpack(a, wide);
        int room = (x.Exponent & 1) == 0 ? 62 : 61;
        UInt128 square = (UInt128)x.Significand << room;
        ulong root = RootOf(square);
        return Round(negative: false, (x.Exponent - room) / 2, root, Math.BigMul(root, root) != square, wide);
    }

    public ulong Minimum(ulong a, ulong b, bool wide) => Choose(a, b, wide, wantsLess: true);

    public ulong Maximum(ulong a, ulong b, bool wide) => Choose(a, b, wide, wantsLess: false);

    /// <summary>Compares: all ones when the predicate holds, else zero.</summary>
    /// <param name="a">First operand.</param>
    /// <param name="b">Second operand.</param>
    /// <param name="predicate">0 to 7: equal, less, less or equal, unordered, and their opposites.</param>
    /// <param name="wide">Double precision.</param>
    public ulong Compare(ulong a, ulong b, int predicate, bool wide)
    {
        int order = Order(a, b, wide, quietIsInvalid: (predicate & 3) is 1 or 2);
        bool holds = (predicate & 3) switch
        {
            0 => order == 0,
            1 => order == -1,
            2 => order is -1 or 0,
            _ => order == Unordered,
        };
        return holds != (predicate >= 4) ? ulong.MaxValue : 0;
    }

    /// <summary>What <see cref="Order"/> says when an operand is NaN.</summary>
    public const int Unordered = 2;

    /// <summary>-1, 0, 1 or <see cref="Unordered"/>.</summary>
    public int Order(ulong a, ulong b, bool wide, bool quietIsInvalid)
    {
        a = Take(a, wide);
        b = Take(b, wide);
        if (IsNan(a, wide) || IsNan(b, wide))
        {
            if (quietIsInvalid || IsSignalling(a, wide) || IsSignalling(b, wide))
            {
                RaisedBefore |= Invalid;
            }

            return Unordered;
        }

        NoteDenormals(a, b, wide);
        return Signed(a, wide).CompareTo(Signed(b, wide));
    }

    // In the order of the numbers; both zeros are the same.
    private static long Signed(ulong bits, bool wide) =>
        IsNegative(bits, wide) ? -(long)(bits & ~SignBit(wide)) : (long)bits;

    private ulong Choose(ulong a, ulong b, bool wide, bool wantsLess)
    {
        int order = Order(a, b, wide, quietIsInvalid: true);
        return Take(order == (wantsLess ? -1 : 1) ? a : b, wide);
    }

    private readonly ulong ZeroOfDifference(bool wide) => Rounding == Down ? SignBit(wide) : 0;

    // The root of a number from 2^124 to 2^126, without its fraction.
    private static ulong RootOf(UInt128 square)
    {
        ulong root = (ulong)Math.Sqrt((double)square);
        root = (ulong)(((UInt128)root + (square / root)) >> 1);
        while (Math.BigMul(root, root) > square)
        {
            root--;
        }

        while (Math.BigMul(root + 1, root + 1) <= square)
        {
            root++;
        }

        return root;
    }
}
