using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>SSE and SSE2 arithmetic: element by element, then flags and exceptions, and only then the result.</summary>
internal sealed partial class Cpu
{
    private uint Mxcsr
    {
        get => Unsafe.ReadUnaligned<uint>(ref _float[MxcsrOffset]);
        set => Unsafe.WriteUnaligned(ref _float[MxcsrOffset], value);
    }

    // Flags stick; one that is not masked is an exception, before anything else is written.
    private void Settle(in FloatUnit unit)
    {
        const ulong OsXmmExceptions = 0x400;
        uint unmasked = FloatUnit.AllFlags & ~(unit.Control >> 7);
        // What an operand is raises before results are rounded, of all elements.
        uint raised = unit.RaisedBefore | ((unit.RaisedBefore & unmasked) == 0 ? unit.RaisedAfter : 0);
        Mxcsr = unit.Control | raised;
        if ((raised & unmasked) != 0)
        {
            Throw((Cr4 & OsXmmExceptions) != 0 ? 19 : 6);
        }
    }

    private void ComputeFloat(in Op op)
    {
        int form = (op.Code - OpCode.Addps) & 3;
        OpCode operation = (OpCode)((int)op.Code - form);
        bool wide = (form & 1) != 0;
        Vector128<byte> a = GetXmm(op.Target), b = LoadXmm(op);
        FloatUnit unit = new(Mxcsr);
        int count = form >= 2 ? 1 : wide ? 2 : 4;
        if (wide)
        {
            Vector128<ulong> x = a.AsUInt64(), y = b.AsUInt64(), result = x;
            for (int i = 0; i < count; i++)
            {
                result = result.WithElement(i, Compute(ref unit, operation, x[i], y[i], (int)op.Value & 7, wide: true));
            }

            a = result.AsByte();
        }
        else
        {
            Vector128<uint> x = a.AsUInt32(), y = b.AsUInt32(), result = x;
            for (int i = 0; i < count; i++)
            {
                result = result.WithElement(i, (uint)Compute(ref unit, operation, x[i], y[i], (int)op.Value & 7, wide: false));
            }

            a = result.AsByte();
        }

        Settle(unit);
        SetXmm(op.Target, a);
    }

    private static ulong Compute(ref FloatUnit unit, OpCode operation, ulong a, ulong b, int predicate, bool wide) => operation switch
    {
        OpCode.Addps => unit.Add(a, b, wide),
        OpCode.Mulps => unit.Multiply(a, b, wide),
        OpCode.Subps => unit.Subtract(a, b, wide),
        OpCode.Minps => unit.Minimum(a, b, wide),
        OpCode.Divps => unit.Divide(a, b, wide),
        OpCode.Maxps => unit.Maximum(a, b, wide),
        OpCode.Sqrtps => unit.SquareRoot(b, wide),
        _ => unit.Compare(a, b, predicate, wide),
    };

    // What they give is the host processor's own approximation; MXCSR has no part in it.
    private void Approximate(in Op op)
    {
        Vector128<float> a = GetXmm(op.Target).AsSingle(), b = LoadXmm(op).AsSingle();
        SetXmm(op.Target, (op.Code switch
        {
            OpCode.Rcpps => Sse.Reciprocal(b),
            OpCode.Rcpss => Sse.ReciprocalScalar(a, b),
            OpCode.Rsqrtps => Sse.ReciprocalSqrt(b),
            _ => Sse.ReciprocalSqrtScalar(a, b),
        }).AsByte());
    }

    private void CompareToFlags(in Op op)
    {
        bool wide = op.Code is OpCode.Comisd or OpCode.Ucomisd;
        ulong a = GetXmmLow(op.Target), b = LoadLow(op);
        FloatUnit unit = new(Mxcsr);
        int order = unit.Order(
            wide ? a : (uint)a, wide ? b : (uint)b, wide, quietIsInvalid: op.Code is OpCode.Comiss or OpCode.Comisd);
        Settle(unit);
        ArithmeticFlags = order switch
        {
            FloatUnit.Unordered => Flag.Zero | Flag.Parity | Flag.Carry,
            0 => Flag.Zero,
            -1 => Flag.Carry,
            _ => 0,
        };
    }

    private void ConvertFloat(in Op op)
    {
        FloatUnit unit = new(Mxcsr);
        switch (op.Code)
        {
            case >= OpCode.Cvtss2si:
            {
                bool wide = op.Code >= OpCode.Cvtsd2si;
                ulong number = LoadLow(op);
                ulong integer = unit.ToInteger(
                    wide ? number : (uint)number, wide, op.Size, op.Code is OpCode.Cvttss2si or OpCode.Cvttsd2si);
                Settle(unit);
                R.Set(op.Target, op.Size, integer);
                return;
            }

            case OpCode.Cvtsi2ss or OpCode.Cvtsi2sd:
            {
                bool wide = op.Code == OpCode.Cvtsi2sd;
                ulong number = unit.FromInteger((long)SignExtend(LoadLow(op), op.SourceSize), wide);
                Settle(unit);
                SetXmmPart(op.Target, wide ? 8 : 4, number);
                return;
            }

            case OpCode.Cvtss2sd:
            {
                ulong number = unit.Widen((uint)LoadLow(op));
                Settle(unit);
                SetXmmPart(op.Target, 8, number);
                return;
            }

            case OpCode.Cvtsd2ss:
            {
                ulong number = unit.Narrow(LoadLow(op));
                Settle(unit);
                SetXmmPart(op.Target, 4, number);
                return;
            }

            default:
            {
                Vector128<byte> result = ConvertPacked(ref unit, op.Code, LoadXmm(op));
                Settle(unit);
                SetXmm(op.Target, result);
                return;
            }
        }
    }

    private static Vector128<byte> ConvertPacked(ref FloatUnit unit, OpCode code, Vector128<byte> from)
    {
        Vector128<uint> narrow = from.AsUInt32(), narrowResult = default;
        Vector128<ulong> wide = from.AsUInt64(), wideResult = default;
        switch (code)
        {
            case OpCode.Cvtdq2ps or OpCode.Cvtps2dq or OpCode.Cvttps2dq:
                for (int i = 0; i < 4; i++)
                {
                    narrowResult = narrowResult.WithElement(i, (uint)(code == OpCode.Cvtdq2ps
                        ? unit.FromInteger((int)narrow[i], wide: false)
                        : unit.ToInteger(narrow[i], wide: false, 4, code == OpCode.Cvttps2dq)));
                }

                return narrowResult.AsByte();
            case OpCode.Cvtdq2pd or OpCode.Cvtps2pd:
                for (int i = 0; i < 2; i++)
                {
                    wideResult = wideResult.WithElement(
                        i, code == OpCode.Cvtdq2pd ? unit.FromInteger((int)narrow[i], wide: true) : unit.Widen(narrow[i]));
                }

                return wideResult.AsByte();
            default:
                for (int i = 0; i < 2; i++)
                {
                    narrowResult = narrowResult.WithElement(i, (uint)(code == OpCode.Cvtpd2ps
                        ? unit.Narrow(wide[i])
                        : unit.ToInteger(wide[i], wide: true, 4, code == OpCode.Cvttpd2dq)));
                }

                return narrowResult.AsByte();
        }
    }
}
