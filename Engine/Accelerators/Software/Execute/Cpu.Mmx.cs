using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Hyperpatch.Engine.Vendors;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>
/// MMX, and the forms of SSE's and SSE2's instructions on MM registers. These are the significands of the x87's registers, whatever its
/// TOP (Intel SDM vol. 1, 9.2 and vol. 3, 13.1). The lane arithmetic is SSE's: both halves of a vector hold the same.
/// </summary>
internal sealed partial class Cpu
{
    private void ExecuteMmx(in Op op)
    {
        CheckMmx(op);
        switch (op.Code)
        {
            case OpCode.Emms:
                _x87Top = _x87Used = 0;
                return;
            case <= OpCode.Pinsrw or OpCode.Movq2dq or OpCode.Movdq2q:
                MoveMm(op);
                break;
            case OpCode.Pshufw:
                SetMm(op.Target, ShuffleWords(LoadMm(op), (byte)op.Value));
                break;
            case <= OpCode.Unpckhpd:
                SetMm(op.Target, Arrange(op, Twice(GetMm(op.Target)), Twice(LoadMm(op))).AsUInt64()[0]);
                break;
            case <= OpCode.Psrldq:
                SetMm(op.Target, PackMm(op, GetMm(op.Target), op.From == Op.Immediate ? (byte)op.Value : LoadMm(op)));
                break;
            default:
                ConvertMm(op);
                return;
        }

        EnterMmx();
    }

    private void CheckMmx(in Op op)
    {
        if ((op.Flags & OpFlags.MmAndXmm) != 0)
        {
            CheckSse();
        }
        else if ((Cr0 & Cr0Emulated) != 0)
        {
            Throw(6);
        }
        else if ((Cr0 & Cr0TaskSwitched) != 0)
        {
            Throw(7);
        }

        if (TouchesMm(op))
        {
            CheckX87Pending();
        }
    }

    // From memory two integers become doubles, and with AMD singles as well, without a look at the MM registers.
    private bool TouchesMm(in Op op) => op.From != Op.InMemory
        || !(op.Code == OpCode.Cvtdq2pd || (op.Code == OpCode.Cvtdq2ps && _vendor == CpuVendor.Amd));

    // Behind the accesses to memory: what faults leaves the stack as it was.
    private void EnterMmx()
    {
        _x87Top = 0;
        _x87Used = 0xFF;
    }

    private static Vector128<byte> Twice(ulong value) => Vector128.Create(value).AsByte();

    private ulong GetMm(int register) => _x87[register].Significand;

    // Sign and exponent become ones, so that x87 instructions take it for a NaN.
    private void SetMm(int register, ulong value) => _x87[register] = new Float80(0xFFFF, value);

    private ulong LoadMm(in Op op) =>
        op.From == Op.InRegister ? GetMm(op.Source) : Load(Ea(op, op.SourceSize, write: false), op.SourceSize);

    private static ulong PackMm(in Op op, ulong a, ulong b)
    {
        bool isPack = op.Code is >= OpCode.Packsswb and <= OpCode.Packuswb;
        bool isHigh = op.Code is >= OpCode.Punpckhbw and <= OpCode.Punpckhqdq;
        // A pack's first operand has both sources, its lower half of the result both results; what interleaves upper halves has the
        // result of these in its own upper one.
        Vector128<byte> first = isPack ? Vector128.Create(a, b).AsByte() : Twice(a);
        return Pack(op, first, Twice(b)).AsUInt64()[isHigh ? 1 : 0];
    }

    private void MoveMm(in Op op)
    {
        switch (op.Code)
        {
            case OpCode.MovLow:
                SetMm(op.Target, LoadFrom(op) & Mask(op.SourceSize));
                return;
            case OpCode.Movdqa:
                SetMm(op.Target, GetMm(op.Source));
                return;
            case OpCode.MovLowOut:
                StoreTo(op, GetMm(op.Source));
                return;
            case OpCode.Movq2dq:
                SetXmm(op.Target, Vector128.CreateScalar(GetMm(op.Source)).AsByte());
                return;
            case OpCode.Movdq2q:
                SetMm(op.Target, GetXmmLow(op.Source));
                return;
            case OpCode.Pmovmskb:
                R.Set(op.Target, op.Size, (byte)Sse2.MoveMask(Twice(GetMm(op.Source))));
                return;
            case OpCode.Maskmovdqu:
                StoreMasked(op, Twice(GetMm(op.Source)), (byte)Sse2.MoveMask(Twice(GetMm(op.Third))), 8);
                return;
            case OpCode.Pextrw:
                R.Set(op.Target, op.Size, (ushort)(GetMm(op.Source) >> (((int)op.Value & 3) * 16)));
                return;
            default:
            {
                int shift = ((int)op.Value & 3) * 16;
                ulong word = op.From == Op.InMemory ? Load(Ea(op, 2, write: false), 2) : (ushort)R.Get64(op.Source);
                SetMm(op.Target, (GetMm(op.Target) & ~(0xFFFFUL << shift)) | (word << shift));
                return;
            }
        }
    }

    private void ConvertMm(in Op op)
    {
        FloatUnit unit = new(Mxcsr);
        bool isToMm = op.Code is not (OpCode.Cvtdq2ps or OpCode.Cvtdq2pd);
        Vector128<byte> from = !isToMm ? Vector128.CreateScalar(LoadMm(op)).AsByte()
            : op.Code is OpCode.Cvtps2dq or OpCode.Cvttps2dq ? Vector128.CreateScalar(LoadLow(op)).AsByte()
            : LoadXmm(op);
        Vector128<byte> result = ConvertPacked(ref unit, op.Code, from);
        Settle(unit);
        if (TouchesMm(op))
        {
            EnterMmx();
        }

        if (isToMm)
        {
            SetMm(op.Target, result.AsUInt64()[0]);
        }
        else if (op.Code == OpCode.Cvtdq2ps)
        {
            SetXmmPart(op.Target, 8, result.AsUInt64()[0]);
        }
        else
        {
            SetXmm(op.Target, result);
        }
    }
}
