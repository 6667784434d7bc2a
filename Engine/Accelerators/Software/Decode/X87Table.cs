using Iced.Intel;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>Iced's mnemonics to <see cref="X87Code"/>, and where their operands are.</summary>
internal static class X87Table
{
    /// <summary>Where <see cref="Op.Value"/> has the opcode as FNSTENV writes it; the <see cref="X87Code"/> is in the lowest byte.</summary>
    public const int OpcodeShift = 16;

    private static readonly byte[] s_codes = Build();

    /// <summary>Fills in an operation; false when the mnemonic is none of ours.</summary>
    public static bool TryBuild(ref Op op, in Instruction i)
    {
        byte code = s_codes[(int)i.Mnemonic];
        if (code == 0)
        {
            return false;
        }

        op.Code = OpCode.X87;
        op.Value = code;
        // Of two registers one is the top of the stack; Third is the other one, Source tells whether it takes the result.
        int first = IndexOf(i, 0), second = IndexOf(i, 1);
        op.Third = (short)Math.Max(Math.Max(first, second), 0);
        op.Source = first > 0 ? (short)1 : (short)0;
        return true;
    }

    private static int IndexOf(in Instruction i, int operand)
    {
        if (operand >= i.OpCount || i.GetOpKind(operand) != OpKind.Register)
        {
            return -1;
        }

        Register register = i.GetOpRegister(operand);
        return register is >= Register.ST0 and <= Register.ST7 ? register - Register.ST0 : -1;
    }

    private static byte[] Build()
    {
        byte[] codes = new byte[Enum.GetValues<Mnemonic>().Length];
        foreach (X87Code code in Enum.GetValues<X87Code>())
        {
            if (code != X87Code.None && Enum.TryParse(code.ToString(), out Mnemonic mnemonic))
            {
                codes[(int)mnemonic] = (byte)code;
            }
        }

        return codes;
    }
}
