using Hyperpatch.Engine.Vendors;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>x87 instructions: arithmetic, comparisons, and what moves the stack.</summary>
internal sealed partial class Cpu
{
    private void ExecuteX87(in Op op)
    {
        CheckX87Available();
        CheckX87Pending();
        CarryOutX87(op, (X87Code)(byte)op.Value);
        // Not before: an instruction whose operand faults has not been there.
        _x87Instruction = R.Block + op.Start;
        _x87InstructionSelector = Segments[Seg.Cs].Selector;
        _x87Opcode = (int)(op.Value >> X87Table.OpcodeShift);
        if (op.To == Op.InMemory)
        {
            _x87Data = EffectiveOffset(op);
            _x87DataSelector = Segments[op.Segment].Selector;
        }
    }

    private void CarryOutX87(in Op op, X87Code code)
    {
        switch (code)
        {
            case X87Code.Fld or X87Code.Fild or X87Code.Fbld:
                LoadX87(op, code);
                return;
            case >= X87Code.Fst and <= X87Code.Fbstp:
                StoreX87(op, code);
                return;
            case X87Code.Fxch:
                ExchangeX87(op.Third);
                return;
            case >= X87Code.Fcmovb and <= X87Code.Fcmovnu:
                MoveX87If(op.Third, code);
                return;
            case >= X87Code.Fld1 and <= X87Code.Fldz:
                if (!IsX87Empty(-1))
                {
                    PushAfterOverflow();
                    return;
                }

                NoteX87(0);
                PushX87(Constant(code, (_x87Control >> 10) & 3));
                return;
            case >= X87Code.Fadd and <= X87Code.Fidivr:
                CalculateX87(op, code);
                return;
            case >= X87Code.Fcom and <= X87Code.Ftst:
                CompareX87(op, code);
                return;
            case X87Code.Fxam:
                NoteX87(0);
                _x87Status = (_x87Status & ~Conditions) | Examine(GetX87(0), IsX87Empty(0));
                return;
            case >= X87Code.Fprem and <= X87Code.Fscale:
                CalculateX87OfTwo(code);
                return;
            case >= X87Code.F2xm1 and <= X87Code.Fsincos:
                CalculateTranscendental(code);
                return;
            case X87Code.Fxtract:
                ExtractX87();
                return;
            case >= X87Code.Fchs and <= X87Code.Frndint:
                CalculateX87Alone(code);
                return;
            case X87Code.Fincstp:
                NoteX87(0);
                _x87Top = (_x87Top + 1) & 7;
                return;
            case X87Code.Fdecstp:
                NoteX87(0);
                _x87Top = (_x87Top - 1) & 7;
                return;
            case X87Code.Ffree:
                NoteX87(0);
                FreeX87(op.Third);
                return;
            case X87Code.Ffreep:
                NoteX87(0);
                FreeX87(op.Third);
                PopX87();
                return;
            default:
                return;
        }
    }

    // FCMOVcc and FCOMI: AMD's processors leave C1 alone, Intel's manual has it cleared.
    private bool KeepsC1OfFlagOperations => _vendor == CpuVendor.Amd;

    private void ExchangeX87(int index)
    {
        bool isEmpty = IsX87Empty(0), isOtherEmpty = IsX87Empty(index);
        if (isEmpty || isOtherEmpty)
        {
            if (!NoteStackFault(isOverflow: false))
            {
                return;
            }
        }
        else
        {
            NoteX87(0);
        }

        Float80 top = isEmpty ? Float80.Indefinite : GetX87(0), other = isOtherEmpty ? Float80.Indefinite : GetX87(index);
        SetX87(0, other);
        SetX87(index, top);
    }

    private void MoveX87If(int index, X87Code code)
    {
        if (IsX87Empty(0) || IsX87Empty(index))
        {
            if (NoteStackFault(isOverflow: false))
            {
                SetX87(0, Float80.Indefinite);
            }

            return;
        }

        bool isMet = code switch
        {
            X87Code.Fcmovb or X87Code.Fcmovnb => Condition(2),
            X87Code.Fcmove or X87Code.Fcmovne => Condition(4),
            X87Code.Fcmovbe or X87Code.Fcmovnbe => Condition(6),
            _ => Condition(10),
        };
        if (!KeepsC1OfFlagOperations)
        {
            NoteX87(0);
        }

        if (isMet == (code < X87Code.Fcmovnb))
        {
            SetX87(0, GetX87(index));
        }
    }

    private static Float80 Constant(X87Code code, int rounding)
    {
        // The exact ones, cut off, and whether the next bit is set: then the nearest is the one above.
        (ushort head, ulong low, bool isHigh) = code switch
        {
            X87Code.Fld1 => ((ushort)0x3FFF, 0x8000_0000_0000_0000UL, false),
            X87Code.Fldl2t => ((ushort)0x4000, 0xD49A_784B_CD1B_8AFEUL, false),
            X87Code.Fldl2e => ((ushort)0x3FFF, 0xB8AA_3B29_5C17_F0BBUL, true),
            X87Code.Fldpi => ((ushort)0x4000, 0xC90F_DAA2_2168_C234UL, true),
            X87Code.Fldlg2 => ((ushort)0x3FFD, 0x9A20_9A84_FBCF_F798UL, true),
            X87Code.Fldln2 => ((ushort)0x3FFE, 0xB172_17F7_D1CF_79ABUL, true),
            _ => default,
        };
        bool isExact = code is X87Code.Fld1 or X87Code.Fldz;
        bool up = !isExact && (rounding == FloatContext.Up || (rounding == FloatContext.Nearest && isHigh));
        return new Float80(head, up ? low + 1 : low);
    }

    private void CalculateX87(in Op op, X87Code code)
    {
        FloatContext context = new((ushort)_x87Control);
        bool isMemory = op.To == Op.InMemory;
        Float80 other = default;
        bool isDenormal = false;
        if (isMemory)
        {
            other = LoadOperand(op, code is X87Code.Fiadd or X87Code.Fisub or X87Code.Fisubr or X87Code.Fimul
                or X87Code.Fidiv or X87Code.Fidivr, out isDenormal);
        }

        int target = !isMemory && op.Source != 0 ? op.Third : 0;
        bool pops = code is X87Code.Faddp or X87Code.Fsubp or X87Code.Fsubrp or X87Code.Fmulp or X87Code.Fdivp or X87Code.Fdivrp;
        if (IsX87Empty(0) || (!isMemory && IsX87Empty(op.Third)))
        {
            if (NoteStackFault(isOverflow: false))
            {
                Finish(target, Float80.Indefinite, pops);
            }

            return;
        }

        Float80 a = GetX87(target), b = isMemory ? other : target != 0 ? GetX87(0) : GetX87(op.Third);
        Float80 result = code switch
        {
            X87Code.Fadd or X87Code.Faddp or X87Code.Fiadd => Float80.Add(a, b, ref context),
            X87Code.Fsub or X87Code.Fsubp or X87Code.Fisub => Float80.Subtract(a, b, ref context),
            X87Code.Fsubr or X87Code.Fsubrp or X87Code.Fisubr => Float80.Subtract(b, a, ref context),
            X87Code.Fmul or X87Code.Fmulp or X87Code.Fimul => Float80.Multiply(a, b, ref context),
            X87Code.Fdiv or X87Code.Fdivp or X87Code.Fidiv => Float80.Divide(a, b, ref context),
            _ => Float80.Divide(b, a, ref context),
        };
        NoteDenormalOperand(isDenormal, a, ref context);
        NoteResult(ref context);
        if (!context.IsStopped)
        {
            Finish(target, result, pops);
        }

        void Finish(int index, Float80 value, bool pop)
        {
            SetX87(index, value);
            if (pop)
            {
                PopX87();
            }
        }
    }

    // A number that was denormal in memory is normal in a register: it is told here, unless something else went before, such as a zero that
    // it was divided by.
    private static void NoteDenormalOperand(bool isDenormal, Float80 other, ref FloatContext context)
    {
        if (isDenormal && !other.IsNaN && !other.IsUnsupported && (context.Flags & (FloatContext.Invalid | FloatContext.ZeroDivide)) == 0)
        {
            context.Flags |= FloatContext.Denormal;
        }
    }

    // What is found out before the operation keeps it from being carried out: then there is nothing to be said of its result.
    private void NoteResult(ref FloatContext context)
    {
        const int Before = FloatContext.Invalid | FloatContext.Denormal | FloatContext.ZeroDivide;
        NoteX87(context.IsStopped ? context.Flags & Before : context.Flags);
    }

    private void CalculateX87Alone(X87Code code)
    {
        if (IsX87Empty(0))
        {
            if (NoteStackFault(isOverflow: false))
            {
                SetX87(0, Float80.Indefinite);
            }

            return;
        }

        FloatContext context = new((ushort)_x87Control);
        Float80 value = GetX87(0);
        Float80 result = code switch
        {
            X87Code.Fchs => value.Negated,
            X87Code.Fabs => value.Absolute,
            X87Code.Fsqrt => Float80.SquareRoot(value, ref context),
            _ => Float80.RoundToInteger(value, ref context),
        };
        NoteResult(ref context);
        if (!context.IsStopped)
        {
            SetX87(0, result);
        }
    }

    private void CompareX87(in Op op, X87Code code)
    {
        FloatContext context = new((ushort)_x87Control);
        bool isMemory = op.To == Op.InMemory;
        Float80 other = default;
        bool isDenormal = false;
        if (isMemory)
        {
            other = LoadOperand(op, code is X87Code.Ficom or X87Code.Ficomp, out isDenormal);
        }

        bool toFlags = code is X87Code.Fcomi or X87Code.Fcomip or X87Code.Fucomi or X87Code.Fucomip;
        int index = code is X87Code.Fcompp or X87Code.Fucompp ? 1 : op.Third;
        int pops = code switch
        {
            X87Code.Fcompp or X87Code.Fucompp => 2,
            X87Code.Fcomp or X87Code.Fucomp or X87Code.Ficomp or X87Code.Fcomip or X87Code.Fucomip => 1,
            _ => 0,
        };
        int answer = Float80.Unordered;
        bool goesOn;
        if (IsX87Empty(0) || (!isMemory && code != X87Code.Ftst && IsX87Empty(index)))
        {
            goesOn = NoteStackFault(isOverflow: false);
        }
        else
        {
            bool isQuiet = code is X87Code.Fucom or X87Code.Fucomp or X87Code.Fucompp or X87Code.Fucomi or X87Code.Fucomip;
            Float80 top = GetX87(0);
            other = isMemory || code == X87Code.Ftst ? other : GetX87(index);
            answer = Float80.Compare(top, other, isQuiet, ref context);
            NoteDenormalOperand(isDenormal, top, ref context);
            int before = toFlags && KeepsC1OfFlagOperations ? _x87Status & FloatContext.RoundedUp : 0;
            NoteResult(ref context);
            _x87Status |= before;
            goesOn = !context.IsStopped;
        }

        // Also when an unmasked exception stops it: so AMD's processors do. Intel's manual (FCOM) leaves the codes alone then.
        if (!toFlags)
        {
            _x87Status = (_x87Status & ~Conditions) | answer;
        }

        if (!goesOn)
        {
            return;
        }

        if (toFlags)
        {
            ArithmeticFlags = ((answer & 0x100) != 0 ? Flag.Carry : 0) | ((answer & 0x400) != 0 ? Flag.Parity : 0)
                | ((answer & 0x4000) != 0 ? Flag.Zero : 0);
        }

        for (int i = 0; i < pops; i++)
        {
            PopX87();
        }
    }

    private static int Examine(Float80 value, bool isEmpty)
    {
        const int C0 = 0x100, C2 = 0x400, C3 = 0x4000;
        int kind = isEmpty ? C3 | C0
            : value.IsUnsupported ? 0
            : value.IsNaN ? C0
            : value.IsInfinity ? C2 | C0
            : value.IsZero ? C3
            : value.IsDenormal ? C3 | C2
            : C2;
        return kind | (value.Sign ? FloatContext.RoundedUp : 0);
    }
}
