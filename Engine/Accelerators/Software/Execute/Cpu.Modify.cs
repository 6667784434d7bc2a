namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>Read-modify-write instructions, with LOCK and without.</summary>
internal sealed partial class Cpu
{
    private void Modify(in Op op)
    {
        ulong b = op.Code == OpCode.Not || op.Code == OpCode.Neg ? 0 : op.From == Op.InMemory ? LoadFrom(op) : From(op);
        if (op.To == Op.InRegister)
        {
            ulong a = R.Get64(op.Target);
            ulong result = Compute(op, a, b);
            if (op.Code is OpCode.Xadd or OpCode.Xchg)
            {
                R.Set(op.Source, op.Size, a);
            }

            // CMPXCHG that fails writes the accumulator; with 32 bits the destination's upper half becomes zero all the same only when equal.
            if (op.Code == OpCode.Cmpxchg && !ZeroFlag)
            {
                R.Set(RegisterFile.Rax, op.Size, a);
                return;
            }

            R.Set(op.Target, op.Size, result);
            return;
        }

        ulong address = op.Code is >= OpCode.Bts and <= OpCode.Btc && op.From == Op.InRegister
            ? BitAddress(op, write: true)
            : Ea(op, op.Size, write: true);
        bool isLocked = (op.Flags & OpFlags.Lock) != 0;
        long oldResult = _result;
        ulong oldCarries = _carries;
        for (; ; )
        {
            ulong before = LoadToModify(address, op.Size);
            ulong after = Compute(op, before, b);
            if (op.Code == OpCode.Cmpxchg && !ZeroFlag)
            {
                after = before;
            }

            if (TryStoreModified(address, op.Size, before, after & Mask(op.Size), isLocked))
            {
                if (op.Code is OpCode.Xadd or OpCode.Xchg)
                {
                    R.Set(op.Source, op.Size, before);
                }
                else if (op.Code == OpCode.Cmpxchg && !ZeroFlag)
                {
                    R.Set(RegisterFile.Rax, op.Size, before);
                }

                return;
            }

            _result = oldResult;
            _carries = oldCarries;
        }
    }

    private ulong From(in Op op) => op.From == Op.InRegister ? R.Get64(op.Source) : (ulong)op.Value;

    // The result; flags are set by it. Bits above the size are anything, on the way in and out.
    private ulong Compute(in Op op, ulong a, ulong b)
    {
        int shift = op.Shift;
        ulong r;
        switch (op.Code)
        {
            case OpCode.Add:
            case OpCode.Xadd:
                r = a + b;
                FlagsOfAdd(a, b, r, shift);
                return r;
            case OpCode.Adc:
                r = a + b + CarryBit;
                FlagsOfAdd(a, b, r, shift);
                return r;
            case OpCode.Sub:
                r = a - b;
                FlagsOfSubtract(a, b, r, shift);
                return r;
            case OpCode.Sbb:
                r = a - b - CarryBit;
                FlagsOfSubtract(a, b, r, shift);
                return r;
            case OpCode.And:
                r = a & b;
                FlagsOfLogic(r, shift);
                return r;
            case OpCode.Or:
                r = a | b;
                FlagsOfLogic(r, shift);
                return r;
            case OpCode.Xor:
                r = a ^ b;
                FlagsOfLogic(r, shift);
                return r;
            case OpCode.Inc:
            {
                ulong carry = CarryBit;
                FlagsOfAdd(a, 1, a + 1, shift);
                KeepCarry(carry);
                return a + 1;
            }

            case OpCode.Dec:
            {
                ulong carry = CarryBit;
                FlagsOfSubtract(a, 1, a - 1, shift);
                KeepCarry(carry);
                return a - 1;
            }

            case OpCode.Neg:
                FlagsOfSubtract(0, a, 0 - a, shift);
                return 0 - a;
            case OpCode.Not:
                return ~a;
            case OpCode.Xchg:
                return b;
            case OpCode.Cmpxchg:
                FlagsOfSubtract(R.Guest.Rax, a, R.Guest.Rax - a, shift);
                return b;
            case OpCode.Bts or OpCode.Btr or OpCode.Btc:
            {
                ulong bit = 1UL << (int)(b & (ulong)((op.Size * 8) - 1));
                SetCarry((a & bit) != 0);
                return op.Code switch { OpCode.Bts => a | bit, OpCode.Btr => a & ~bit, _ => a ^ bit };
            }

            case OpCode.Shld:
            case OpCode.Shrd:
            {
                int count = (int)(CountOf(op)
                    & (op.Size == 8 ? 0x3Fu : 0x1Fu));
                return DoubleShift(op, a & Mask(op.Size), R.Get64(op.Source) & Mask(op.Size), count);
            }

            default:
                return Shift(op, a, (int)(b & (op.Size == 8 ? 0x3Fu : 0x1Fu)));
        }
    }

    private ulong CountOf(in Op op) => (op.Flags & OpFlags.CountInCl) != 0 ? R.Guest.Rcx : (ulong)op.Value;

    private ulong DoubleShift(in Op op, ulong a, ulong b, int count)
    {
        int bits = op.Size * 8;
        if (count == 0)
        {
            return a;
        }

        // With 16 bits and more than 16 places the manual leaves all undefined; the pattern goes on as on Intel's processors.
        ulong r, carry;
        if (op.Code == OpCode.Shld)
        {
            UInt128 wide = bits == 16 ? ((UInt128)a << 32) | (b << 16) | a : new UInt128(0, a) << bits | b;
            int width = bits == 16 ? 48 : 2 * bits;
            r = (ulong)((wide << count) >> (width - bits));
            carry = (ulong)(wide >> (width - count)) & 1;
        }
        else
        {
            UInt128 wide = bits == 16 ? ((UInt128)a << 32) | (b << 16) | a : new UInt128(0, b) << bits | a;
            r = (ulong)(wide >> count);
            carry = (ulong)(wide >> (count - 1)) & 1;
        }

        r &= Mask(op.Size);
        FlagsOfLogic(r, op.Shift);
        SetCarryAndOverflow(carry, ((r ^ a) >> (bits - 1)) & 1);
        return r;
    }

    private ulong Shift(in Op op, ulong value, int count)
    {
        if (count == 0)
        {
            return value;
        }

        int bits = op.Size * 8;
        ulong a = value & Mask(op.Size);
        ulong r, carry;
        switch (op.Code)
        {
            case OpCode.Shl:
                r = count >= bits ? 0 : a << count;
                carry = count > bits ? 0 : (a >> (bits - count)) & 1;
                FlagsOfLogic(r, op.Shift);
                SetCarryAndOverflow(carry, carry ^ ((r >> (bits - 1)) & 1));
                return r;
            case OpCode.Shr:
                r = count >= bits ? 0 : a >> count;
                carry = count > bits ? 0 : (a >> (count - 1)) & 1;
                FlagsOfLogic(r, op.Shift);
                SetCarryAndOverflow(carry, count == 1 ? a >> (bits - 1) : 0);
                return r;
            case OpCode.Sar:
            {
                long extended = (long)SignExtend(a, op.Size);
                r = (ulong)(extended >> Math.Min(count, 63));
                carry = (ulong)(extended >> Math.Min(count - 1, 63)) & 1;
                FlagsOfLogic(r, op.Shift);
                SetCarryAndOverflow(carry, 0);
                return r;
            }

            case OpCode.Rol:
            {
                int places = count & (bits - 1);
                r = places == 0 ? a : ((a << places) | (a >> (bits - places))) & Mask(op.Size);
                carry = r & 1;
                SetCarryAndOverflow(carry, carry ^ (r >> (bits - 1)));
                return r;
            }

            case OpCode.Ror:
            {
                int places = count & (bits - 1);
                r = places == 0 ? a : ((a >> places) | (a << (bits - places))) & Mask(op.Size);
                carry = r >> (bits - 1);
                SetCarryAndOverflow(carry, carry ^ ((r >> (bits - 2)) & 1));
                return r;
            }

            case OpCode.Rcl:
            {
                int places = count % (bits + 1);
                r = a;
                carry = CarryBit;
                for (int i = 0; i < places; i++)
                {
                    ulong top = (r >> (bits - 1)) & 1;
                    r = ((r << 1) | carry) & Mask(op.Size);
                    carry = top;
                }

                SetCarryAndOverflow(carry, carry ^ (r >> (bits - 1)));
                return r;
            }

            default:
            {
                int places = count % (bits + 1);
                r = a;
                carry = CarryBit;
                for (int i = 0; i < places; i++)
                {
                    ulong bottom = r & 1;
                    r = (r >> 1) | (carry << (bits - 1));
                    carry = bottom;
                }

                SetCarryAndOverflow(carry, (r >> (bits - 1)) ^ ((r >> (bits - 2)) & 1));
                return r;
            }
        }
    }

    // BT and its kin with a bit index in a register reach beyond the operand.
    private ulong BitAddress(in Op op, bool write)
    {
        long index = (long)SignExtend(R.Get64(op.Source), op.Size);
        long distance = (index >> (op.Size switch { 2 => 4, 4 => 5, _ => 6 })) * op.Size;
        ulong offset = R.Get64(op.Base) + (R.Get64(op.Index) << op.Scale) + (ulong)op.Displacement + (ulong)distance;
        return op.Address == Op.AddressPlain ? offset : EaSlow(op, offset, op.Size, write);
    }

    private void CompareExchangeWide(in Op op)
    {
        bool is16 = op.Code == OpCode.Cmpxchg16b;
        if (!is16)
        {
            ulong address = Ea(op, 8, write: true);
            ulong expected = (R.Guest.Rdx << 32) | (uint)R.Guest.Rax, desired = (R.Guest.Rcx << 32) | (uint)R.Guest.Rbx;
            for (; ; )
            {
                ulong before = LoadToModify(address, 8);
                bool equal = before == expected;
                if (TryStoreModified(address, 8, before, equal ? desired : before, (op.Flags & OpFlags.Lock) != 0))
                {
                    if (!equal)
                    {
                        R.Guest.Rax = (uint)before;
                        R.Guest.Rdx = before >> 32;
                    }

                    SetZeroOnly(equal);
                    return;
                }
            }
        }

        ulong at = Ea(op, 16, write: true);
        if ((at & 15) != 0)
        {
            ThrowProtection();
        }

        // .NET has no 16-byte exchange: atomic against others of its kind, and against nothing else.
        ProbeWrite(at, 16);
        lock (s_splitLock)
        {
            ulong low = LoadToModify(at, 8), high = LoadToModify(at + 8, 8);
            bool equal = low == R.Guest.Rax && high == R.Guest.Rdx;
            Store(at, 8, equal ? R.Guest.Rbx : low);
            Store(at + 8, 8, equal ? R.Guest.Rcx : high);
            if (!equal)
            {
                R.Guest.Rax = low;
                R.Guest.Rdx = high;
            }

            SetZeroOnly(equal);
        }
    }
}
