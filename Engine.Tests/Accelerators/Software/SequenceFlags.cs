using Iced.Intel;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>Keeps account of the flags that are undefined after each instruction of a sequence, so that nothing is compared that rests on them.</summary>
internal static class SequenceFlags
{
    private const int UnknownCount = -1;

    /// <summary>Flags that are undefined after some instructions.</summary>
    /// <param name="instructions">The instructions.</param>
    /// <param name="cl">CL before the first; negative: unknown.</param>
    public static ulong UndefinedAfter(ReadOnlySpan<Instruction> instructions, int cl = UnknownCount)
    {
        ulong undefined = 0;
        foreach (ref readonly Instruction i in instructions)
        {
            undefined = After(i, undefined, cl);
            cl = UnknownCount;
        }

        return undefined;
    }

    /// <summary>Whether an instruction may follow others: it does not read what they leave undefined, and its own result is defined.</summary>
    /// <param name="before">The others.</param>
    /// <param name="next">The instruction.</param>
    public static bool MayFollow(ReadOnlySpan<Instruction> before, in Instruction next)
    {
        // Results that are undefined, and bit indices that reach far away, depend on registers that are known only at the start.
        bool needsKnownRegisters = next.Mnemonic is Mnemonic.Shld or Mnemonic.Shrd or Mnemonic.Bt or Mnemonic.Bts or Mnemonic.Btr or Mnemonic.Btc;
        bool spoils = before.Length > 0 && before[0].Mnemonic is Mnemonic.Shld or Mnemonic.Shrd && before[0].Op0Kind == OpKind.Register
            && before[0].Op0Register.GetSize() == 2;
        bool isMemoryOfTwo = before.Length > 0 && before[0].Mnemonic is Mnemonic.Shld or Mnemonic.Shrd && before[0].Op0Kind == OpKind.Memory;
        return before.Length == 0 || (!needsKnownRegisters && !spoils && !isMemoryOfTwo && (UndefinedAfter(before) & Flags(next.RflagsRead)) == 0);
    }

    private static ulong After(in Instruction i, ulong undefined, int cl)
    {
        bool isShift = i.Mnemonic is Mnemonic.Shl or Mnemonic.Sal or Mnemonic.Shr or Mnemonic.Sar or Mnemonic.Rol or Mnemonic.Ror
            or Mnemonic.Rcl or Mnemonic.Rcr or Mnemonic.Shld or Mnemonic.Shrd;
        bool isByRegister = isShift && i.GetOpKind(i.OpCount - 1) == OpKind.Register;
        if (isByRegister && cl < 0)
        {
            // Any count, so these may be undefined and the others as they were.
            return undefined | RandomInstructions.Overflow | RandomInstructions.Adjust | RandomInstructions.Carry;
        }

        ulong own = RandomInstructions.All & ~RandomInstructions.Defined(i, Math.Max(cl, 0));
        // A count of 0 changes no flag.
        bool changes = !isShift || ((isByRegister ? cl : i.Immediate8) & 31) != 0;
        return changes ? (undefined & ~Flags(i.RflagsModified)) | own : undefined | own;
    }

    private static ulong Flags(RflagsBits bits) =>
        ((bits & RflagsBits.OF) != 0 ? RandomInstructions.Overflow : 0) | ((bits & RflagsBits.SF) != 0 ? RandomInstructions.Sign : 0)
        | ((bits & RflagsBits.ZF) != 0 ? RandomInstructions.Zero : 0) | ((bits & RflagsBits.AF) != 0 ? RandomInstructions.Adjust : 0)
        | ((bits & RflagsBits.CF) != 0 ? RandomInstructions.Carry : 0) | ((bits & RflagsBits.PF) != 0 ? RandomInstructions.Parity : 0);
}
