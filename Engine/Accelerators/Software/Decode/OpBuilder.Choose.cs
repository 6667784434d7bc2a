using Iced.Intel;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>What the operation is, where the mnemonic alone does not tell.</summary>
internal static partial class OpBuilder
{
    private static OpCode Choose(ref Op op, OpCode code, in Instruction i, int bits)
    {
        if (code >= OpCode.Movaps || i.Op0Register.IsXMM())
        {
            return SseOperands.Choose(ref op, code, i);
        }

        switch (i.Mnemonic)
        {
            case Mnemonic.Mov:
                return ChooseMov(ref op, i);
            case Mnemonic.Imul:
                return i.OpCount switch { 1 => OpCode.Imul1, 2 => OpCode.Imul2, _ => Imul3(ref op) };
            case Mnemonic.Push or Mnemonic.Pop:
                op.Size = (byte)(i.IsStackInstruction ? Math.Abs(i.StackPointerIncrement) : op.Size);
                if (i.Op0Kind == OpKind.Register && i.Op0Register.IsSegmentRegister())
                {
                    op.Third = SegmentOf(i.Op0Register);
                    return code == OpCode.Push ? OpCode.PushSeg : OpCode.PopSeg;
                }

                if (i.Op0Kind is not (OpKind.Register or OpKind.Memory))
                {
                    op.To = Op.Immediate;
                }

                return code;
            case Mnemonic.Pusha or Mnemonic.Popa or Mnemonic.Pushf or Mnemonic.Popf:
                op.Size = 2;
                return code;
            case Mnemonic.Pushad or Mnemonic.Popad or Mnemonic.Pushfd or Mnemonic.Popfd:
                op.Size = 4;
                return code;
            case Mnemonic.Pushfq or Mnemonic.Popfq:
                op.Size = 8;
                return code;
            case Mnemonic.Jmp:
                return i.Op0Kind switch
                {
                    OpKind.NearBranch16 or OpKind.NearBranch32 or OpKind.NearBranch64 => OpCode.Jmp,
                    OpKind.FarBranch16 or OpKind.FarBranch32 => OpCode.JmpFar,
                    OpKind.Memory when i.IsJmpFarIndirect => FarPointer(ref op, OpCode.JmpFar),
                    _ => OpCode.JmpIndirect,
                };
            case Mnemonic.Call:
                return i.Op0Kind switch
                {
                    OpKind.NearBranch16 or OpKind.NearBranch32 or OpKind.NearBranch64 => OpCode.Call,
                    OpKind.FarBranch16 or OpKind.FarBranch32 => OpCode.CallFar,
                    OpKind.Memory when i.IsCallFarIndirect => FarPointer(ref op, OpCode.CallFar),
                    _ => OpCode.CallIndirect,
                };
            case Mnemonic.Ret:
                op.Size = i.Code switch
                {
                    Code.Retnq or Code.Retnq_imm16 => 8,
                    Code.Retnd or Code.Retnd_imm16 => 4,
                    _ => 2,
                };
                return code;
            case Mnemonic.Retf:
                op.Size = i.Code switch
                {
                    Code.Retfq or Code.Retfq_imm16 => 8,
                    Code.Retfd or Code.Retfd_imm16 => 4,
                    _ => 2,
                };
                return code;
            case Mnemonic.Iret:
                op.Size = 2;
                return code;
            case Mnemonic.Iretd:
                op.Size = 4;
                return code;
            case Mnemonic.Iretq:
                op.Size = 8;
                return code;
            case Mnemonic.Cbw or Mnemonic.Cwd:
                op.Size = 2;
                return code;
            case Mnemonic.Cwde or Mnemonic.Cdq:
                op.Size = 4;
                return code;
            case Mnemonic.Cdqe or Mnemonic.Cqo:
                op.Size = 8;
                return code;
            case Mnemonic.Movsd when i.Op1Kind == OpKind.Register:
                return OpCode.MovsdXmm;
            case Mnemonic.Enter:
                op.Size = i.Code switch { Code.Enterq_imm16_imm8 => 8, Code.Enterd_imm16_imm8 => 4, _ => 2 };
                return code;
            case Mnemonic.Leave:
                op.Size = i.Code switch { Code.Leaveq => 8, Code.Leaved => 4, _ => 2 };
                return code;
            case Mnemonic.Loop or Mnemonic.Loope or Mnemonic.Loopne or Mnemonic.Jcxz or Mnemonic.Jecxz or Mnemonic.Jrcxz:
                op.AddressSize = CounterSize(i.Code);
                return code;
            case Mnemonic.Xlatb:
                op.Size = 1;
                op.AddressSize = i.Op0Kind == OpKind.Memory ? (byte)i.MemoryBase.GetSize() : (byte)(bits / 8);
                op.Base = RegisterFile.Rbx;
                op.Index = RegisterFile.Zero;
                return code;
            case Mnemonic.Xchg:
                if (op.To == Op.InMemory || op.From == Op.InMemory)
                {
                    op.Flags |= OpFlags.Lock;
                    if (op.From == Op.InMemory)
                    {
                        op.From = Op.InRegister;
                        op.To = Op.InMemory;
                        op.Source = op.Target;
                    }
                }

                return code;
            case Mnemonic.In:
                op.Size = (byte)i.Op0Register.GetSize();
                op.From = i.Op1Kind == OpKind.Register ? Op.InRegister : Op.Immediate;
                return code;
            case Mnemonic.Out:
                op.Size = (byte)i.Op1Register.GetSize();
                op.To = i.Op0Kind == OpKind.Register ? Op.InRegister : Op.Immediate;
                return code;
            case Mnemonic.Lds or Mnemonic.Les or Mnemonic.Lss or Mnemonic.Lfs or Mnemonic.Lgs:
                op.Third = (short)(i.Mnemonic switch
                {
                    Mnemonic.Lds => Seg.Ds,
                    Mnemonic.Les => Seg.Es,
                    Mnemonic.Lss => Seg.Ss,
                    Mnemonic.Lfs => Seg.Fs,
                    _ => Seg.Gs,
                });
                return code;
            case Mnemonic.Sysretq or Mnemonic.Sysexitq:
                op.Size = 8;
                return code;
            case Mnemonic.Sysret or Mnemonic.Sysexit:
                op.Size = 4;
                return code;
            case Mnemonic.Fxsave64 or Mnemonic.Fxrstor64 or Mnemonic.Xsave64 or Mnemonic.Xrstor64 or Mnemonic.Xsaveopt64:
                op.Size = 8;
                return code;
            case Mnemonic.Fxsave or Mnemonic.Fxrstor or Mnemonic.Xsave or Mnemonic.Xrstor or Mnemonic.Xsaveopt:
                op.Size = 4;
                return code;
            case Mnemonic.Cmpxchg8b or Mnemonic.Cmpxchg16b:
                op.Size = 8;
                return code;
            case Mnemonic.Lgdt or Mnemonic.Lidt or Mnemonic.Sgdt or Mnemonic.Sidt:
                op.Size = bits == 64 ? (byte)8
                    : i.Code is Code.Lgdt_m1632_16 or Code.Lidt_m1632_16 or Code.Sgdt_m1632_16 or Code.Sidt_m1632_16 ? (byte)2 : (byte)4;
                return code;
            case Mnemonic.Sldt or Mnemonic.Str or Mnemonic.Smsw when i.Op0Kind == OpKind.Memory:
            case Mnemonic.Lldt or Mnemonic.Ltr or Mnemonic.Lmsw or Mnemonic.Verr or Mnemonic.Verw:
                op.Size = 2;
                return code;
            case Mnemonic.Shld or Mnemonic.Shrd:
                op.Flags |= i.Op2Kind == OpKind.Register ? OpFlags.CountInCl : 0;
                return code;
            case Mnemonic.Crc32:
                return OpCode.Undefined; // belongs to SSE4.2, which CPUID does not offer
            default:
                return code;
        }

        static OpCode Imul3(ref Op op)
        {
            op.From = op.From == Op.Immediate ? Op.InRegister : op.From;
            return OpCode.Imul3;
        }

        static OpCode FarPointer(ref Op op, OpCode code)
        {
            // Iced counts the selector in.
            op.Size = (byte)(op.Size switch { 4 => 2, 6 => 4, _ => 8 });
            return code;
        }
    }

    private static short ConditionOf(ConditionCode condition) => condition switch
    {
        ConditionCode.o => 0,
        ConditionCode.no => 1,
        ConditionCode.b => 2,
        ConditionCode.ae => 3,
        ConditionCode.e => 4,
        ConditionCode.ne => 5,
        ConditionCode.be => 6,
        ConditionCode.a => 7,
        ConditionCode.s => 8,
        ConditionCode.ns => 9,
        ConditionCode.p => 10,
        ConditionCode.np => 11,
        ConditionCode.l => 12,
        ConditionCode.ge => 13,
        ConditionCode.le => 14,
        _ => 15,
    };

    private static byte CounterSize(Code code)
    {
        string name = code.ToString();
        return name.Contains("RCX", StringComparison.Ordinal) || name.StartsWith("Jrcxz", StringComparison.Ordinal) ? (byte)8
            : name.Contains("ECX", StringComparison.Ordinal) || name.StartsWith("Jecxz", StringComparison.Ordinal) ? (byte)4
            : (byte)2;
    }

    private static OpCode ChooseMov(ref Op op, in Instruction i)
    {
        Register to = i.Op0Kind == OpKind.Register ? i.Op0Register : Register.None;
        Register from = i.Op1Kind == OpKind.Register ? i.Op1Register : Register.None;
        if (to.IsCR() || from.IsCR())
        {
            op.Third = (short)((to.IsCR() ? to : from) - Register.CR0);
            return to.IsCR() ? OpCode.MovToCr : OpCode.MovFromCr;
        }

        if (to.IsDR() || from.IsDR())
        {
            op.Third = (short)((to.IsDR() ? to : from) - Register.DR0);
            return to.IsDR() ? OpCode.MovToDr : OpCode.MovFromDr;
        }

        if (to.IsSegmentRegister())
        {
            op.Third = SegmentOf(to);
            return OpCode.MovToSeg;
        }

        if (from.IsSegmentRegister())
        {
            op.Third = SegmentOf(from);
            op.Size = op.To == Op.InMemory ? (byte)2 : op.Size;
            return OpCode.MovFromSeg;
        }

        return to.IsTR() || from.IsTR() ? OpCode.Undefined : OpCode.Mov;
    }
}
