namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>x87 instructions whose results are exact parts of their operands: remainders, scaling, taking apart.</summary>
internal sealed partial class Cpu
{
    private const int IncompleteRemainder = 0x400; // C2

    private void CalculateX87OfTwo(X87Code code)
    {
        bool isRemainder = code != X87Code.Fscale;
        if (isRemainder)
        {
            // What has no quotient is complete, and leaves the quotient's bits alone.
            _x87Status &= ~IncompleteRemainder;
        }

        if (IsX87Empty(0) || IsX87Empty(1))
        {
            if (NoteStackFault(isOverflow: false))
            {
                SetX87(0, Float80.Indefinite);
            }

            return;
        }

        FloatContext context = new((ushort)_x87Control);
        Float80 a = GetX87(0), b = GetX87(1);
        int conditions = 0;
        Float80 result = isRemainder
            ? Float80.Remainder(a, b, code == X87Code.Fprem1, ref context, out conditions)
            : Float80.Scale(a, b, ref context);
        NoteResult(ref context);
        if (context.IsStopped)
        {
            return;
        }

        if (isRemainder && conditions >= 0)
        {
            _x87Status = (_x87Status & ~(Conditions | FloatContext.RoundedUp)) | conditions;
        }

        SetX87(0, result);
    }

    private void ExtractX87()
    {
        if (IsX87Empty(0) || !IsX87Empty(-1))
        {
            if (NoteStackFault(isOverflow: !IsX87Empty(0)))
            {
                SetX87(0, Float80.Indefinite);
                PushX87(Float80.Indefinite);
            }

            return;
        }

        FloatContext context = new((ushort)_x87Control);
        Float80 significand = Float80.Extract(GetX87(0), ref context, out Float80 power);
        NoteResult(ref context);
        if (!context.IsStopped)
        {
            SetX87(0, power);
            PushX87(significand);
        }
    }
}
