namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>F2XM1, FYL2X, FYL2XP1, FPATAN, FPTAN, FSIN, FCOS and FSINCOS: what is not a number, zero or infinite is decided here.</summary>
internal sealed partial class Cpu
{
    private void CalculateTranscendental(X87Code code)
    {
        bool isOfTwo = code is X87Code.Fyl2x or X87Code.Fyl2xp1 or X87Code.Fpatan;
        bool pushes = code is X87Code.Fptan or X87Code.Fsincos;
        bool isAngle = pushes || code is X87Code.Fsin or X87Code.Fcos;
        if (isAngle)
        {
            _x87Status &= ~IncompleteRemainder;
        }

        bool isUnderflow = IsX87Empty(0) || (isOfTwo && IsX87Empty(1));
        if (isUnderflow || (pushes && !IsX87Empty(-1)))
        {
            if (NoteStackFault(isOverflow: !isUnderflow))
            {
                FinishTranscendental(Float80.Indefinite, Float80.Indefinite, isOfTwo, pushes);
            }

            return;
        }

        FloatContext context = new((ushort)_x87Control);
        Float80 x = GetX87(0), second = default, result;
        if (isAngle)
        {
            if (!TryAngle(code, x, ref context, out result, out second))
            {
                NoteX87(0);
                _x87Status |= IncompleteRemainder;
                return;
            }
        }
        else
        {
            result = code switch
            {
                X87Code.F2xm1 => Float80.PowerOfTwoLessOne(x, ref context),
                X87Code.Fpatan => Float80.ArcTangentOf(GetX87(1), x, ref context),
                _ => Float80.LogarithmTimes(GetX87(1), x, isOneMore: code == X87Code.Fyl2xp1, ref context),
            };
        }

        NoteResult(ref context);
        if (!context.IsStopped)
        {
            FinishTranscendental(result, second, isOfTwo, pushes);
        }
    }

    private void FinishTranscendental(Float80 result, Float80 second, bool pops, bool pushes)
    {
        if (pops)
        {
            SetX87(1, result);
            PopX87();
            return;
        }

        SetX87(0, result);
        if (pushes)
        {
            PushX87(second);
        }
    }

    // False: the angle is out of range. FSINCOS gives the sine and then the cosine, FPTAN the tangent and then one.
    private static bool TryAngle(X87Code code, Float80 x, ref FloatContext context, out Float80 result, out Float80 second)
    {
        Float80 one = Float80.FromInteger(1);
        if (Float80.IsAngleDecided(x, ref context, out result))
        {
            second = result;
            return true;
        }

        second = one;
        if (x.IsZero)
        {
            result = code == X87Code.Fcos ? one : x;
            return true;
        }

        if (!Float80.TrySineAndCosine(x, out WideFloat sine, out WideFloat cosine))
        {
            return false;
        }

        context.Flags |= x.IsDenormal ? FloatContext.Denormal : 0;
        result = Float80.RoundInexact(
            code switch { X87Code.Fcos => cosine, X87Code.Fptan => sine / cosine, _ => sine }, ref context, isBelow: code != X87Code.Fptan);
        if (code == X87Code.Fsincos)
        {
            second = Float80.RoundInexact(cosine, ref context, isBelow: true);
        }

        return true;
    }
}
