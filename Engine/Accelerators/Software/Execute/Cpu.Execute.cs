using System.Numerics;
using System.Runtime.CompilerServices;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>The switch over operations. The commonest are carried out here, the others in methods by kind.</summary>
internal sealed partial class Cpu
{
    private void Execute(ref Op op)
    {
        switch (op.Code)
        {
            case OpCode.Nop:
                return;
            case OpCode.MovReg64:
                R.Set64(op.Target, R.Get64(op.Source));
                return;
            case OpCode.MovReg32:
                R.Set64(op.Target, R.Get32(op.Source));
                return;
            case OpCode.MovImm:
                R.Set64(op.Target, (ulong)op.Value);
                return;
            case OpCode.MovLoad64:
                R.Set64(op.Target, Load64(PlainAddress(op)));
                return;
            case OpCode.MovLoad32:
                R.Set64(op.Target, Load32(PlainAddress(op)));
                return;
            case OpCode.MovStore64:
                Store64(PlainAddress(op), R.Get64(op.Source));
                return;
            case OpCode.MovStore32:
                Store32(PlainAddress(op), R.Get32(op.Source));
                return;
            case OpCode.AddReg:
            {
                ulong a = R.Get64(op.Target), b = R.Get64(op.Source), r = a + b;
                FlagsOfAdd(a, b, r, op.Shift);
                SetWide(op, r);
                return;
            }

            case OpCode.AddImm:
            {
                ulong a = R.Get64(op.Target), b = (ulong)op.Value, r = a + b;
                FlagsOfAdd(a, b, r, op.Shift);
                SetWide(op, r);
                return;
            }

            case OpCode.SubReg:
            {
                ulong a = R.Get64(op.Target), b = R.Get64(op.Source), r = a - b;
                FlagsOfSubtract(a, b, r, op.Shift);
                SetWide(op, r);
                return;
            }

            case OpCode.SubImm:
            {
                ulong a = R.Get64(op.Target), b = (ulong)op.Value, r = a - b;
                FlagsOfSubtract(a, b, r, op.Shift);
                SetWide(op, r);
                return;
            }

            case OpCode.CmpReg:
            {
                ulong a = R.Get64(op.Target), b = R.Get64(op.Source);
                FlagsOfSubtract(a, b, a - b, op.Shift);
                return;
            }

            case OpCode.CmpImm:
            {
                ulong a = R.Get64(op.Target), b = (ulong)op.Value;
                FlagsOfSubtract(a, b, a - b, op.Shift);
                return;
            }

            case OpCode.TestReg:
                FlagsOfLogic(R.Get64(op.Target) & R.Get64(op.Source), op.Shift);
                return;
            case OpCode.AndReg:
            {
                ulong r = R.Get64(op.Target) & R.Get64(op.Source);
                FlagsOfLogic(r, op.Shift);
                SetWide(op, r);
                return;
            }

            case OpCode.AndImm:
            {
                ulong r = R.Get64(op.Target) & (ulong)op.Value;
                FlagsOfLogic(r, op.Shift);
                SetWide(op, r);
                return;
            }

            case OpCode.OrReg:
            {
                ulong r = R.Get64(op.Target) | R.Get64(op.Source);
                FlagsOfLogic(r, op.Shift);
                SetWide(op, r);
                return;
            }

            case OpCode.XorReg:
            {
                ulong r = R.Get64(op.Target) ^ R.Get64(op.Source);
                FlagsOfLogic(r, op.Shift);
                SetWide(op, r);
                return;
            }

            case OpCode.IncReg:
            {
                ulong a = R.Get64(op.Target), r = a + 1, carry = CarryBit;
                FlagsOfAdd(a, 1, r, op.Shift);
                KeepCarry(carry);
                SetWide(op, r);
                return;
            }

            case OpCode.DecReg:
            {
                ulong a = R.Get64(op.Target), r = a - 1, carry = CarryBit;
                FlagsOfSubtract(a, 1, r, op.Shift);
                KeepCarry(carry);
                SetWide(op, r);
                return;
            }

            case OpCode.Jcc:
                if (Condition(op.Third))
                {
                    JumpNear(op);
                }

                return;
            case OpCode.Jmp:
                JumpNear(op);
                return;
            case OpCode.Lea:
                R.Set(op.Target, op.Size, EffectiveOffset(op));
                return;
            case OpCode.Mov:
                StoreTo(op, LoadFrom(op));
                return;
            case OpCode.Movzx:
                R.Set(op.Target, op.Size, LoadFrom(op) & Mask(op.SourceSize));
                return;
            case OpCode.Movsx:
            {
                int shift = 64 - (op.SourceSize * 8);
                R.Set(op.Target, op.Size, (ulong)((long)(LoadFrom(op) << shift) >> shift));
                return;
            }

            case OpCode.Cmovcc:
            {
                ulong value = LoadFrom(op);
                R.Set(op.Target, op.Size, Condition(op.Third) ? value : R.Get64(op.Target));
                return;
            }

            case OpCode.Setcc:
                StoreTo(op, Condition(op.Third) ? 1UL : 0);
                return;
            case OpCode.Push:
                Push(op.To == Op.Immediate ? (ulong)op.Value : LoadTo(op), op.Size);
                return;
            case OpCode.Pop:
                PopTo(op);
                return;
            case OpCode.Call:
                Push(MaskRip(R.Block + op.Next), op.Size);
                JumpNear(op);
                return;
            case OpCode.Ret:
                Return(op);
                return;
            case OpCode.CallIndirect:
            {
                ulong target = CheckRip(LoadTo(op) & Mask(op.Size));
                Push(MaskRip(R.Block + op.Next), op.Size);
                Jump(target);
                return;
            }

            case OpCode.JmpIndirect:
                Jump(CheckRip(LoadTo(op) & Mask(op.Size)));
                return;
            case OpCode.Cmp:
            {
                ulong a = LoadTo(op), b = LoadFrom(op);
                FlagsOfSubtract(a, b, a - b, op.Shift);
                return;
            }

            case OpCode.Test:
                FlagsOfLogic(LoadTo(op) & LoadFrom(op), op.Shift);
                return;
            case >= OpCode.Add and <= OpCode.Shrd:
            case >= OpCode.Bts and <= OpCode.Btc:
            case OpCode.Xadd:
            case OpCode.Xchg:
            case OpCode.Cmpxchg:
                Modify(op);
                return;
            case OpCode.Mul or OpCode.Imul1 or OpCode.Imul2 or OpCode.Imul3:
                Multiply(op);
                return;
            case OpCode.Div or OpCode.Idiv:
                Divide(op);
                return;
            case OpCode.Clc:
                SetCarry(false);
                return;
            case OpCode.Stc:
                SetCarry(true);
                return;
            case OpCode.Cmc:
                SetCarry(!CarryFlag);
                return;
            case OpCode.Cld:
                R.Guest.Rflags &= ~Flag.Direction;
                return;
            case OpCode.Std:
                R.Guest.Rflags |= Flag.Direction;
                return;
            case OpCode.Cbw:
                R.Set(RegisterFile.Rax, op.Size, SignExtend(R.Guest.Rax, op.Size / 2));
                return;
            case OpCode.Cwd:
                R.Set(RegisterFile.Rdx, op.Size, (ulong)((long)SignExtend(R.Guest.Rax, op.Size) >> 63));
                return;
            case OpCode.Pause:
                ExecutePause();
                return;
            case OpCode.Movs or OpCode.Stos or OpCode.Lods or OpCode.Scas or OpCode.Cmps:
                ExecuteString(op);
                return;
            default:
                ExecuteRare(op);
                return;
        }
    }

    private void ExecuteRare(in Op op)
    {
        switch (op.Code)
        {
            case OpCode.Undefined:
                ExitUndefined(op);
                if ((op.Flags & OpFlags.Unimplemented) != 0)
                {
                    _partition.CountUnimplemented((int)op.Value);
                    ExitValue = 1;
                }

                return;
            case OpCode.Ud:
                ExitUndefined(op);
                return;
            case OpCode.TooLong:
                ThrowProtection();
                return;
            case <= OpCode.Shrd:
                ExecuteStackAndFlags(op);
                return;
            case >= OpCode.Bt and <= OpCode.Adox:
                ExecuteBits(op);
                return;
            case OpCode.Cmpxchg8b or OpCode.Cmpxchg16b:
                CompareExchangeWide(op);
                return;
            case >= OpCode.Jcxz and <= OpCode.Loopne:
                Loop(op);
                return;
            case >= OpCode.Lahf and <= OpCode.Into:
                ExecuteOld(op);
                return;
            case >= OpCode.Ins and <= OpCode.Out:
                ExecutePorts(op);
                return;
            case OpCode.Enter:
                Enter(op);
                return;
            case OpCode.Leave:
                LeaveFrame(op);
                return;
            case >= OpCode.Int and <= OpCode.Lds:
                ExecuteFar(op);
                return;
            case >= OpCode.Movaps:
                ExecuteSse(op);
                return;
            case OpCode.X87:
                ExecuteX87(op);
                return;
            case >= OpCode.Fninit:
                ExecuteFloat(op);
                return;
            default:
                ExecuteSystem(op);
                return;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong PlainAddress(in Op op) => R.Get64(op.Base) + (R.Get64(op.Index) << op.Scale) + (ulong)op.Displacement;

    // Results of 32 and 64 bits.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void SetWide(in Op op, ulong value) => R.Set64(op.Target, op.Size == 8 ? value : (uint)value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Mask(int size) => ulong.MaxValue >> (64 - (size * 8));

    private static ulong SignExtend(ulong value, int size)
    {
        int shift = 64 - (size * 8);
        return (ulong)((long)(value << shift) >> shift);
    }

    // The second operand; bits above its size are anything.
    private ulong LoadFrom(in Op op) => op.From switch
    {
        Op.InRegister => R.Get64(op.Source),
        Op.InMemory => Load(Ea(op, op.SourceSize, write: false), op.SourceSize),
        _ => (ulong)op.Value,
    };

    // The first operand, to read only.
    private ulong LoadTo(in Op op) => op.To == Op.InRegister ? R.Get64(op.Target) : Load(Ea(op, op.Size, write: false), op.Size);

    private void StoreTo(in Op op, ulong value)
    {
        if (op.To == Op.InRegister)
        {
            R.Set(op.Target, op.Size, value);
        }
        else
        {
            Store(Ea(op, op.Size, write: true), op.Size, value);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void JumpNear(in Op op)
    {
        ulong target = R.Block + (ulong)op.Value;
        R.Guest.Rip = op.Size == 8 ? CheckRip(target) : CheckRip(op.Size == 4 ? (uint)target : (ushort)target);
        _hasJumped = true;
    }

    // A jump to an address that cannot be is the jump's fault.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong CheckRip(ulong target)
    {
        if (_bits == 64)
        {
            if (!IsCanonical(target))
            {
                ThrowProtection();
            }

            return target;
        }

        if (target > Segments[Seg.Cs].Limit)
        {
            ThrowProtection();
        }

        return target;
    }

    private bool IsCanonical(ulong address)
    {
        int unused = (Cr4 & Memory.PagingState.Cr4La57) != 0 ? 7 : 16;
        return (ulong)((long)(address << unused) >> unused) == address;
    }

    private void Return(in Op op)
    {
        ulong target = CheckRip(Peek(0, op.Size));
        SetStack(R.Guest.Rsp + op.Size + (ulong)op.Value);
        Jump(target);
    }

    private void PopTo(in Op op)
    {
        ulong value = Peek(0, op.Size);
        if (op.To == Op.InRegister)
        {
            SetStack(R.Guest.Rsp + op.Size);
            R.Set(op.Target, op.Size, value);
            return;
        }

        // An address with RSP in it is worked out behind the pop.
        ulong before = R.Guest.Rsp;
        SetStack(before + op.Size);
        try
        {
            Store(Ea(op, op.Size, write: true), op.Size, value);
        }
        catch (Exception e) when (e is GuestFault or HostExit)
        {
            R.Guest.Rsp = before;
            throw;
        }
    }

    private void Loop(in Op op)
    {
        if (op.Code == OpCode.Jcxz)
        {
            if ((R.Guest.Rcx & Mask(op.AddressSize)) == 0)
            {
                JumpNear(op);
            }

            return;
        }

        ulong count = (R.Guest.Rcx - 1) & Mask(op.AddressSize);
        bool jumps = count != 0 && (op.Code == OpCode.Loop || ZeroFlag == (op.Code == OpCode.Loope));
        if (jumps)
        {
            JumpNear(op);
        }

        R.Set(RegisterFile.Rcx, op.AddressSize, count);
    }

    private void Multiply(in Op op)
    {
        int size = op.Size;
        if (op.Code is OpCode.Imul2 or OpCode.Imul3)
        {
            long a = (long)SignExtend(LoadFrom(op), size);
            long b = op.Code == OpCode.Imul3 ? (long)SignExtend((ulong)op.Value, size) : (long)SignExtend(R.Get64(op.Target), size);
            long low = a * b;
            bool overflow = size == 8 ? Math.BigMul(a, b, out _) != low >> 63 : (long)SignExtend((ulong)low, size) != low;
            R.Set(op.Target, size, (ulong)low);
            FlagsOfProduct((ulong)low, op.Shift, overflow);
            return;
        }

        ulong factor = LoadTo(op);
        if (op.Code == OpCode.Mul)
        {
            ulong a = R.Guest.Rax & Mask(size), b = factor & Mask(size);
            ulong high = Math.BigMul(a, b, out ulong low);
            if (size < 8)
            {
                high = (low >> (size * 8)) & Mask(size);
            }

            SetProduct(size, low, high);
            FlagsOfProduct(low, op.Shift, high != 0);
        }
        else
        {
            long a = (long)SignExtend(R.Guest.Rax, size), b = (long)SignExtend(factor, size);
            long high = Math.BigMul(a, b, out long low);
            bool overflow = size == 8 ? high != low >> 63 : (long)SignExtend((ulong)low, size) != low;
            SetProduct(size, (ulong)low, size == 8 ? (ulong)high : (ulong)(low >> (size * 8)));
            FlagsOfProduct((ulong)low, op.Shift, overflow);
        }
    }

    private void SetProduct(int size, ulong low, ulong high)
    {
        if (size == 1)
        {
            R.Set(RegisterFile.Rax, 2, low);
            return;
        }

        R.Set(RegisterFile.Rax, size, low);
        R.Set(RegisterFile.Rdx, size, high);
    }

    // CF and OF; SF and PF of the low half, AF clear, ZF clear: undefined by the manual, and what processors do.
    private void FlagsOfProduct(ulong low, int shift, bool overflow)
    {
        FlagsOfLogic(low, shift);
        if (ZeroFlag)
        {
            SetZeroOnly(false);
        }

        SetCarryAndOverflow(overflow ? 1UL : 0, overflow ? 1UL : 0);
    }

    private void Divide(in Op op)
    {
        int size = op.Size;
        ulong divisor = LoadTo(op) & Mask(size);
        if (divisor == 0)
        {
            Throw(0);
        }

        if (op.Code == OpCode.Div)
        {
            UInt128 dividend = size == 1 ? (ushort)R.Guest.Rax
                : new UInt128(0, R.Guest.Rax & Mask(size)) | (new UInt128(0, R.Guest.Rdx & Mask(size)) << (size * 8));
            if (dividend >> 64 == UInt128.Zero)
            {
                ulong simple = (ulong)dividend;
                SetQuotient(size, simple / divisor, simple % divisor, simple / divisor > Mask(size));
                return;
            }

            UInt128 quotient = dividend / divisor;
            SetQuotient(size, (ulong)quotient, (ulong)(dividend - (quotient * divisor)), quotient > Mask(size));
        }
        else
        {
            Int128 signedDivisor = (long)SignExtend(divisor, size);
            Int128 dividend = size == 1 ? (short)R.Guest.Rax
                : (Int128)(((UInt128)SignExtend(R.Guest.Rdx, size) << (size * 8)) | (R.Guest.Rax & Mask(size)));
            if (size is 2 or 4)
            {
                dividend = (long)((SignExtend(R.Guest.Rdx, size) << (size * 8)) | (R.Guest.Rax & Mask(size)));
            }

            if (dividend == Int128.MinValue)
            {
                // No quotient of it fits, and .NET refuses to negate it.
                Throw(0);
            }

            Int128 quotient = dividend / signedDivisor;
            Int128 limit = Int128.One << ((size * 8) - 1);
            SetQuotient(size, (ulong)quotient, (ulong)(dividend - (quotient * signedDivisor)), quotient >= limit || quotient < -limit);
        }
    }

    private void SetQuotient(int size, ulong quotient, ulong remainder, bool overflow)
    {
        if (overflow)
        {
            Throw(0);
        }

        if (size == 1)
        {
            R.Set(RegisterFile.Rax, 2, (quotient & 0xFF) | (remainder << 8));
            return;
        }

        R.Set(RegisterFile.Rax, size, quotient);
        R.Set(RegisterFile.Rdx, size, remainder);
    }
}
