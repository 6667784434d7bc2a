using System.Numerics;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>Bit tests and scans, byte order, BMI1, BMI2, ADX.</summary>
internal sealed partial class Cpu
{
    private void ExecuteBits(in Op op)
    {
        int size = op.Size;
        int bits = size * 8;
        if (op.Code is >= OpCode.Andn and <= OpCode.Shrx && !IsProtected)
        {
            // Encoded with VEX, which real mode does not know (SDM vol. 2, exception class 13).
            Throw(6);
        }

        switch (op.Code)
        {
            case OpCode.Bt:
            {
                ulong value = op.To == Op.InRegister ? R.Get64(op.Target)
                    : Load(op.From == Op.InRegister ? BitAddress(op, write: false) : Ea(op, size, write: false), size);
                SetCarry(((value >> (int)(From(op) & (ulong)(bits - 1))) & 1) != 0);
                return;
            }

            case OpCode.Bsf:
            case OpCode.Bsr:
            {
                ulong value = LoadFrom(op) & Mask(size);
                if (value != 0)
                {
                    R.Set(op.Target, size, (ulong)(op.Code == OpCode.Bsf ? BitOperations.TrailingZeroCount(value) : BitOperations.Log2(value)));
                }

                // For zero the manuals disagree about the result; every processor leaves the register alone.
                SetZeroOnly(value == 0);
                return;
            }

            case OpCode.Popcnt:
            {
                ulong value = LoadFrom(op) & Mask(size);
                R.Set(op.Target, size, (ulong)BitOperations.PopCount(value));
                ArithmeticFlags = value == 0 ? Flag.Zero : 0;
                return;
            }

            case OpCode.Lzcnt:
            case OpCode.Tzcnt:
            {
                ulong value = LoadFrom(op) & Mask(size);
                int count = value == 0 ? bits
                    : op.Code == OpCode.Tzcnt ? BitOperations.TrailingZeroCount(value) : BitOperations.LeadingZeroCount(value) - (64 - bits);
                R.Set(op.Target, size, (ulong)count);
                ArithmeticFlags = (ArithmeticFlags & ~(Flag.Zero | Flag.Carry)) | (value == 0 ? Flag.Carry : 0) | (count == 0 ? Flag.Zero : 0);
                return;
            }

            case OpCode.Bswap:
                R.Set(op.Target, size, size switch
                {
                    8 => ReverseBytes(R.Get64(op.Target), 8),
                    4 => ReverseBytes(R.Get64(op.Target), 4),
                    _ => 0,
                });
                return;
            case OpCode.Movbe:
                StoreTo(op, ReverseBytes(LoadFrom(op), size));
                return;
            case OpCode.Andn:
            {
                ulong r = ~R.Get64(op.Source) & Last(op);
                R.Set(op.Target, size, r);
                FlagsOfLogic(r, op.Shift);
                return;
            }

            case OpCode.Blsi or OpCode.Blsr or OpCode.Blsmsk:
            {
                ulong a = LoadFrom(op) & Mask(size);
                ulong r = (op.Code switch { OpCode.Blsi => a & (0 - a), OpCode.Blsr => a & (a - 1), _ => a ^ (a - 1) }) & Mask(size);
                R.Set(op.Target, size, r);
                FlagsOfLogic(r, op.Shift);
                SetCarryAndOverflow(op.Code == OpCode.Blsi ? (a != 0 ? 1UL : 0) : a == 0 ? 1UL : 0, 0);
                return;
            }

            case OpCode.Bextr:
            {
                ulong control = R.Get64(op.Third);
                int start = (byte)control, length = (byte)(control >> 8);
                ulong a = LoadFrom(op) & Mask(size);
                ulong r = start >= bits ? 0 : a >> start;
                r = length >= 64 ? r : r & ((1UL << length) - 1);
                R.Set(op.Target, size, r);
                ArithmeticFlags = (r & Mask(size)) == 0 ? Flag.Zero : 0;
                return;
            }

            case OpCode.Bzhi:
            {
                int index = (byte)R.Get64(op.Third);
                ulong a = LoadFrom(op) & Mask(size);
                ulong r = index >= bits ? a : a & ((1UL << index) - 1);
                R.Set(op.Target, size, r);
                FlagsOfLogic(r, op.Shift);
                SetCarryAndOverflow(index >= bits ? 1UL : 0, 0);
                return;
            }

            case OpCode.Mulx:
            {
                ulong a = R.Guest.Rdx & Mask(size), b = Last(op) & Mask(size);
                ulong high = Math.BigMul(a, b, out ulong low);
                R.Set(op.Source, size, low);
                R.Set(op.Target, size, size == 8 ? high : low >> 32);
                return;
            }

            case OpCode.Pdep:
            case OpCode.Pext:
            {
                ulong a = R.Get64(op.Source) & Mask(size), mask = Last(op) & Mask(size), r = 0;
                int at = 0;
                for (ulong left = mask; left != 0; left &= left - 1, at++)
                {
                    int place = BitOperations.TrailingZeroCount(left);
                    r |= op.Code == OpCode.Pdep ? ((a >> at) & 1) << place : ((a >> place) & 1) << at;
                }

                R.Set(op.Target, size, r);
                return;
            }

            case OpCode.Rorx:
            {
                ulong a = LoadFrom(op) & Mask(size);
                R.Set(op.Target, size, size == 8
                    ? BitOperations.RotateRight(a, (int)op.Value & 63)
                    : BitOperations.RotateRight((uint)a, (int)op.Value & 31));
                return;
            }

            case OpCode.Sarx or OpCode.Shlx or OpCode.Shrx:
            {
                ulong a = LoadFrom(op) & Mask(size);
                int count = (int)R.Get64(op.Third) & (bits - 1);
                R.Set(op.Target, size, op.Code switch
                {
                    OpCode.Sarx => (ulong)((long)SignExtend(a, size) >> count),
                    OpCode.Shlx => a << count,
                    _ => a >> count,
                });
                return;
            }

            default:
            {
                // ADCX, ADOX
                bool isCarry = op.Code == OpCode.Adcx;
                ulong a = R.Get64(op.Target) & Mask(size), b = LoadFrom(op) & Mask(size);
                ulong carry = isCarry ? CarryBit : OverflowFlag ? 1UL : 0;
                UInt128 sum = (UInt128)a + b + carry;
                ulong next = (ulong)(sum >> bits) & 1;
                R.Set(op.Target, size, (ulong)sum);
                SetCarryAndOverflow(isCarry ? next : CarryBit, isCarry ? (OverflowFlag ? 1UL : 0) : next);
                return;
            }
        }
    }

    // The last of three operands.
    private ulong Last(in Op op) => op.From == Op.InMemory ? LoadFrom(op) : R.Get64(op.Third);

    private static ulong ReverseBytes(ulong value, int size) =>
        System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(value) >> (64 - (size * 8));
}
