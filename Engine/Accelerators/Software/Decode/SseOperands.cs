using Iced.Intel;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>What <see cref="OpBuilder"/> does otherwise for instructions on XMM registers.</summary>
internal static class SseOperands
{
    /// <summary>Where the FXSAVE area keeps XMM0.</summary>
    public const int FirstXmm = 160;

    /// <summary>Notes an XMM register as operand: its place in the FXSAVE area, and 16 bytes as size.</summary>
    public static void SetRegister(ref Op op, int operand, Register register)
    {
        short offset = (short)(FirstXmm + ((register - Register.XMM0) * 16));
        switch (operand)
        {
            case 0:
                op.To = Op.InRegister;
                op.Target = offset;
                op.Size = op.SourceSize = 16;
                break;
            case 1:
                op.From = Op.InRegister;
                op.Source = offset;
                op.SourceSize = 16;
                break;
            default:
                op.Third = offset;
                break;
        }
    }

    /// <summary>The operation, where operands decide over it.</summary>
    public static OpCode Choose(ref Op op, OpCode code, in Instruction i)
    {
        for (int n = 0; n < i.OpCount; n++)
        {
            if (i.GetOpKind(n) == OpKind.Register && i.GetOpRegister(n).IsMM())
            {
                // MMX shares the mnemonics, but CPUID does not offer it.
                return OpCode.Undefined;
            }
        }

        switch (code)
        {
            case OpCode.MovLow when !i.Op0Register.IsXMM():
                return OpCode.MovLowOut;
            case OpCode.Movs:
                return OpCode.MovsdXmm;
            case OpCode.Cmps:
                return OpCode.CmpsdXmm;
            case OpCode.Pextrw when i.Code is not (Code.Pextrw_r32_xmm_imm8 or Code.Pextrw_r64_xmm_imm8):
                return OpCode.Undefined; // SSE4.1's
            case OpCode.Maskmovdqu:
                op.Base = RegisterFile.Rdi;
                return code;
            default:
                return code >= OpCode.Movaps ? code : OpCode.Undefined;
        }
    }
}
