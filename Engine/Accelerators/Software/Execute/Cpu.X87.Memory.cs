namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>x87 loads and stores.</summary>
internal sealed partial class Cpu
{
    private const int ExtendedSize = 10;

    private Float80 LoadOperand(in Op op, bool isInteger, out bool isDenormal)
    {
        isDenormal = false;
        ulong address = Ea(op, op.Size, write: false);
        if (op.Size == ExtendedSize)
        {
            ulong significand = Load(address, 8);
            return new Float80((ushort)Load(Wrap(address + 8), 2), significand);
        }

        ulong bits = Load(address, op.Size);
        Float80 value;
        if (isInteger)
        {
            return Float80.FromInteger((long)SignExtend(bits, op.Size));
        }

        isDenormal = op.Size == 4 ? Float80.FromSingle((uint)bits, out value) : Float80.FromDouble(bits, out value);
        return value;
    }

    private void LoadX87(in Op op, X87Code code)
    {
        bool isMemory = op.To == Op.InMemory;
        bool isDenormal = false;
        Float80 value = isMemory ? LoadOperand(op, code == X87Code.Fild, out isDenormal) : GetX87(op.Third);
        if (code == X87Code.Fbld)
        {
            value = Float80.FromDecimal(value.Significand, value.Head);
        }

        if (!isMemory && IsX87Empty(op.Third))
        {
            if (NoteStackFault(isOverflow: false))
            {
                PushX87(Float80.Indefinite);
            }

            return;
        }

        if (!IsX87Empty(-1))
        {
            PushAfterOverflow();
            return;
        }

        FloatContext context = new((ushort)_x87Control);
        if (isMemory && op.Size != ExtendedSize)
        {
            // Only the narrower formats are converted, and so looked at.
            context.Flags |= value.IsSignaling ? FloatContext.Invalid : isDenormal ? FloatContext.Denormal : 0;
            value = value.IsNaN ? value.Quiet : value;
        }

        NoteX87(context.Flags);
        // A denormal number is there all the same, also where it raises #MF: processors push it and tell of it then.
        if ((context.Flags & ~context.Masks & FloatContext.Invalid) == 0)
        {
            PushX87(value);
        }
    }

    private void PushAfterOverflow()
    {
        if (NoteStackFault(isOverflow: true))
        {
            PushX87(Float80.Indefinite);
        }
    }

    private void StoreX87(in Op op, X87Code code)
    {
        FloatContext context = new((ushort)_x87Control);
        bool isEmpty = IsX87Empty(0);
        Float80 value = isEmpty ? Float80.Indefinite : GetX87(0);
        bool goesOn;
        if (op.To != Op.InMemory)
        {
            goesOn = !isEmpty || NoteStackFault(isOverflow: false);
            if (goesOn)
            {
                SetX87(op.Third, value);
            }
        }
        else
        {
            // Memory before the status word: a fault leaves all as it was.
            ulong address = Ea(op, op.Size, write: true);
            ushort head = value.Head;
            ulong bits = code == X87Code.Fbstp ? Float80.ToDecimal(value, ref context, out head)
                : code is X87Code.Fist or X87Code.Fistp
                ? (ulong)Float80.ToInteger(value, op.Size * 8, ref context)
                : op.Size switch
                {
                    4 => Float80.ToSingle(value, ref context),
                    8 => Float80.ToDouble(value, ref context),
                    _ => value.Significand,
                };
            goesOn = isEmpty ? (_x87Control & FloatContext.Invalid) != 0 : !context.IsStoreStopped;
            if (!goesOn)
            {
                ProbeWrite(address, op.Size);
            }
            else if (op.Size == ExtendedSize)
            {
                ProbeWrite(address, ExtendedSize);
                Store(address, 8, bits);
                Store(Wrap(address + 8), 2, head);
            }
            else
            {
                Store(address, op.Size, bits);
            }

            if (isEmpty)
            {
                _ = NoteStackFault(isOverflow: false);
            }
        }

        if (!isEmpty)
        {
            NoteStored(ref context);
        }

        if (goesOn && code is (X87Code.Fstp or X87Code.Fistp or X87Code.Fbstp))
        {
            PopX87();
        }
    }

    // What was not stored was not rounded either.
    private void NoteStored(ref FloatContext context) => NoteX87(
        context.IsStoreStopped ? context.Flags & ~(FloatContext.Inexact | FloatContext.RoundedUp) : context.Flags);
}
