using Hyperpatch.Engine.Memory;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>Stack frames, flags as a whole, and what is seldom: BCD, XLAT, BOUND.</summary>
internal sealed partial class Cpu
{
    private void ExecuteStackAndFlags(in Op op)
    {
        int size = op.Size;
        switch (op.Code)
        {
            case OpCode.Pushf:
                Push(Rflags & ~(Flag.Resume | Flag.Virtual8086), size);
                return;
            case OpCode.Popf:
                PopFlags(op);
                return;
            case OpCode.Pusha:
            {
                ulong old = R.Guest.Rsp;
                ReadOnlySpan<int> registers =
                [
                    RegisterFile.Rax, RegisterFile.Rcx, RegisterFile.Rdx, RegisterFile.Rbx,
                    RegisterFile.Rsp, RegisterFile.Rbp, RegisterFile.Rsi, RegisterFile.Rdi,
                ];
                for (int i = 0; i < 8; i++)
                {
                    ProbeWrite(Linear(Seg.Ss, StackOffset(old - (ulong)((i + 1) * size)), size, write: true), size);
                }

                foreach (int register in registers)
                {
                    Push(register == RegisterFile.Rsp ? old : R.Get64(register), size);
                }

                return;
            }

            case OpCode.Popa:
            {
                ReadOnlySpan<int> registers =
                [
                    RegisterFile.Rdi, RegisterFile.Rsi, RegisterFile.Rbp, RegisterFile.Zero,
                    RegisterFile.Rbx, RegisterFile.Rdx, RegisterFile.Rcx, RegisterFile.Rax,
                ];
                Span<ulong> values = stackalloc ulong[8];
                for (int i = 0; i < 8; i++)
                {
                    values[i] = Peek(i * size, size);
                }

                for (int i = 0; i < 8; i++)
                {
                    if (i != 3)
                    {
                        R.Set(registers[i], size, values[i]);
                    }
                }

                SetStack(R.Guest.Rsp + (ulong)(8 * size));
                return;
            }

            default:
                Throw(6);
                return;
        }
    }

    private void PopFlags(in Op op)
    {
        ulong value = Peek(0, op.Size);
        SetStack(R.Guest.Rsp + op.Size);
        SetFlags(value, op.Size);
        LeaveRun();
    }

    // What POPF and IRET let a privilege level change.
    private void SetFlags(ulong value, int size)
    {
        ulong writable = Flag.Writable & ~Flag.Resume;
        if (IsProtected && _cpl > 0)
        {
            writable &= ~Flag.IoLevel;
            if (_cpl > (int)((R.Guest.Rflags >> 12) & 3))
            {
                writable &= ~Flag.Interrupt;
            }
        }

        if (size == 2)
        {
            writable &= 0xFFFF;
        }

        Rflags = (Rflags & ~writable & ~Flag.Resume) | (value & writable) | 2;
    }

    private void Enter(in Op op)
    {
        int size = op.Size;
        int level = op.Third & 31;
        ulong rsp = R.Guest.Rsp, rbp = R.Guest.Rbp;
        // The last byte of the frame must be writable before anything changes.
        ulong end = rsp - (ulong)(size * (level + 1)) - (ulong)(ushort)op.Value;
        ProbeWrite(StackLinear(end, size), size);
        try
        {
            Push(rbp, size);
            ulong frame = R.Guest.Rsp;
            if (level > 0)
            {
                ulong from = rbp;
                for (int i = 1; i < level; i++)
                {
                    from -= (ulong)size;
                    Push(Load(StackLinear(from, size), size), size);
                }

                Push(frame, size);
            }

            R.Set(RegisterFile.Rbp, size, frame);
            SetStack(R.Guest.Rsp - (ushort)op.Value);
        }
        catch (Exception e) when (e is GuestFault or HostExit)
        {
            R.Guest.Rsp = rsp;
            throw;
        }
    }

    private ulong StackLinear(ulong offset, int size) =>
        _bits == 64 ? offset : Linear(Seg.Ss, StackOffset(offset), size, write: false);

    private void LeaveFrame(in Op op)
    {
        ulong frame = R.Guest.Rbp;
        ulong value = Load(StackLinear(frame, op.Size), op.Size);
        SetStack(frame + op.Size);
        R.Set(RegisterFile.Rbp, op.Size, value);
    }

    private void ExecuteOld(in Op op)
    {
        uint al = (byte)R.Guest.Rax, ah = (byte)(R.Guest.Rax >> 8);
        switch (op.Code)
        {
            case OpCode.Lahf:
                R.Set(RegisterFile.Rax + 1, 1, (ArithmeticFlags & 0xD5) | 2);
                return;
            case OpCode.Sahf:
                ArithmeticFlags = (ArithmeticFlags & Flag.Overflow) | (ah & 0xD5);
                return;
            case OpCode.Salc:
                R.Set(RegisterFile.Rax, 1, CarryFlag ? 0xFFUL : 0);
                return;
            case OpCode.Xlat:
            {
                ulong offset = (R.Guest.Rbx + al) & Mask(op.AddressSize);
                R.Set(RegisterFile.Rax, 1, Load(Linear(op.Segment, offset, 1, write: false), 1));
                return;
            }

            case OpCode.Into:
                if (OverflowFlag)
                {
                    SoftwareInterrupt(4, op);
                }

                return;
            case OpCode.Bound:
            {
                ulong address = Ea(op, op.Size * 2, write: false);
                long low = (long)SignExtend(Load(address, op.Size), op.Size);
                long high = (long)SignExtend(Load(Wrap(address + op.Size), op.Size), op.Size);
                long index = (long)SignExtend(R.Get64(op.Target), op.Size);
                if (index < low || index > high)
                {
                    Throw(5);
                }

                return;
            }

            case OpCode.Aam:
            {
                uint divisor = (byte)op.Value;
                if (divisor == 0)
                {
                    Throw(0);
                }

                R.Set(RegisterFile.Rax, 2, ((al / divisor) << 8) | (al % divisor));
                FlagsOfLogic(al % divisor, 56);
                return;
            }

            case OpCode.Aad:
            {
                uint result = (byte)(al + (ah * (uint)(byte)op.Value));
                R.Set(RegisterFile.Rax, 2, result);
                FlagsOfLogic(result, 56);
                return;
            }

            case OpCode.Aaa:
            case OpCode.Aas:
            {
                bool adjusts = (al & 15) > 9 || AdjustFlag;
                ulong ax = R.Guest.Rax & 0xFFFF;
                ax = !adjusts ? ax : op.Code == OpCode.Aaa ? ax + 0x106 : ax - 0x106;
                R.Set(RegisterFile.Rax, 2, ax & 0xFF0F);
                FlagsOfLogic(ax & 0xF, 56);
                _carries = adjusts ? TopCarries | 8 : 0;
                return;
            }

            default:
            {
                // DAA, DAS
                bool carry = CarryFlag, low = (al & 15) > 9 || AdjustFlag, high = al > 0x99 || carry;
                bool isAdd = op.Code == OpCode.Daa;
                uint result = al;
                bool borrow = carry;
                if (low)
                {
                    result = isAdd ? result + 6 : result - 6;
                    borrow |= !isAdd && al < 6;
                }

                if (high)
                {
                    result = isAdd ? result + 0x60 : result - 0x60;
                }

                R.Set(RegisterFile.Rax, 1, result);
                FlagsOfLogic(result, 56);
                bool carries = high || (!isAdd && low && borrow);
                _carries = (carries ? TopCarries : 0) | (low ? 8UL : 0);
                return;
            }
        }
    }
}
