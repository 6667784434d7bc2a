using Iced.Intel;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>What <see cref="OpBuilder"/> does otherwise for instructions on XMM and MM registers.</summary>
internal static class SseOperands
{
    /// <summary>Where the FXSAVE area keeps XMM0.</summary>
    public const int FirstXmm = 160;

    /// <summary>Notes a register as operand: of XMM its place in the FXSAVE area, and 16 bytes as size; of MM its number, and 8 bytes.</summary>
    public static void SetRegister(ref Op op, int operand, Register register)
    {
        bool isXmm = register.IsXMM();
        short offset = (short)(isXmm ? FirstXmm + ((register - Register.XMM0) * 16) : register - Register.MM0);
        byte size = isXmm ? (byte)16 : (byte)8;
        switch (operand)
        {
            case 0:
                op.To = Op.InRegister;
                op.Target = offset;
                op.Size = op.SourceSize = size;
                break;
            case 1:
                op.From = Op.InRegister;
                op.Source = offset;
                op.SourceSize = size;
                break;
            default:
                op.Third = offset;
                break;
        }
    }

    /// <summary>The operation, where operands decide over it.</summary>
    public static OpCode Choose(ref Op op, OpCode code, in Instruction i)
    {
        SetMmFlags(ref op, i);
        switch (code)
        {
            case OpCode.MovLow when i.Op0Register.IsMM() && i.Op1Kind == OpKind.Register && i.Op1Register.IsMM():
                return OpCode.Movdqa;
            case OpCode.MovLow when !i.Op0Register.IsXMM() && !i.Op0Register.IsMM():
                return OpCode.MovLowOut;
            case OpCode.Movs:
                return OpCode.MovsdXmm;
            case OpCode.Cmps:
                return OpCode.CmpsdXmm;
            case OpCode.Pextrw when i.Code is not (Code.Pextrw_r32_xmm_imm8 or Code.Pextrw_r64_xmm_imm8
                or Code.Pextrw_r32_mm_imm8 or Code.Pextrw_r64_mm_imm8):
                return OpCode.Undefined; // SSE4.1's
            case OpCode.Maskmovdqu:
                op.Base = RegisterFile.Rdi;
                return code;
            default:
                return code >= OpCode.Movaps ? code : OpCode.Undefined;
        }
    }

    private static void SetMmFlags(ref Op op, in Instruction i)
    {
        bool isMm = false, isXmm = false;
        for (int n = 0; n < i.OpCount; n++)
        {
            Register register = i.GetOpKind(n) == OpKind.Register ? i.GetOpRegister(n) : Register.None;
            isMm |= register.IsMM();
            isXmm |= register.IsXMM();
        }

        // Conversions belong here also when the MM operand is in memory.
        bool isConversion = i.Mnemonic is Mnemonic.Cvtpi2ps or Mnemonic.Cvtpi2pd or Mnemonic.Cvtps2pi or Mnemonic.Cvttps2pi
            or Mnemonic.Cvtpd2pi or Mnemonic.Cvttpd2pi;
        if (isMm || isConversion || i.Mnemonic == Mnemonic.Emms)
        {
            op.Flags |= OpFlags.Mm | (isXmm || isConversion ? OpFlags.MmAndXmm : 0);
        }
    }
}
