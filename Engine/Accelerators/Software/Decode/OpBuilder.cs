using Iced.Intel;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>Turns one decoded instruction of Iced's into ours.</summary>
internal static class OpBuilder
{
    public static void Build(ref Op op, in Instruction i, int bits)
    {
        Mnemonic mnemonic = i.Mnemonic;
        OpCode code = OpTable.Of(mnemonic);
        op.Size = op.SourceSize = 8;
        op.Base = op.Index = RegisterFile.Zero;
        if (i.HasLockPrefix)
        {
            op.Flags |= OpFlags.Lock;
        }

        if (i.HasRepPrefix)
        {
            op.Flags |= OpFlags.Repeat;
        }
        else if (i.HasRepnePrefix)
        {
            op.Flags |= OpFlags.RepeatNot;
        }

        if (code == OpCode.Undefined)
        {
            if (X87Table.TryBuild(ref op, i))
            {
                SetOperands(ref op, i, bits);
                return;
            }

            if (i.ConditionCode != ConditionCode.None)
            {
                code = i.FlowControl == FlowControl.ConditionalBranch ? OpCode.Jcc
                    : i.Op0Kind == OpKind.Memory || i.OpCount == 1 ? OpCode.Setcc : OpCode.Cmovcc;
                op.Third = ConditionOf(i.ConditionCode);
            }

            if (code == OpCode.Undefined || (code == OpCode.Cmovcc && i.Op0Register.IsXMM()) || (code == OpCode.Setcc && i.OpCount != 1))
            {
                Unknown(ref op, mnemonic);
                return;
            }
        }

        SetOperands(ref op, i, bits);
        op.Code = Choose(ref op, code, i, bits);
        if (op.Code == OpCode.Undefined)
        {
            Unknown(ref op, mnemonic);
            return;
        }

        op.Shift = (byte)(64 - (op.Size * 8));
        if (op.Code is (>= OpCode.Int and < OpCode.Fninit) or OpCode.Jcc or OpCode.Jmp or OpCode.JmpIndirect or OpCode.Call
            or OpCode.CallIndirect or OpCode.Ret or OpCode.Jcxz or OpCode.Loop or OpCode.Loope or OpCode.Loopne or OpCode.Popf or OpCode.In or OpCode.Out
            or OpCode.Ins or OpCode.Outs)
        {
            op.Flags |= OpFlags.Ends;
        }

        Specialize(ref op);
    }

    /// <summary>A register's place in the file.</summary>
    public static short OffsetOf(Register register)
    {
        if (register == Register.None)
        {
            return RegisterFile.Zero;
        }

        int high = register is >= Register.AH and <= Register.BH ? 1 : 0;
        if (high != 0)
        {
            register = register - Register.AH + Register.AL;
        }

        int number = register.GetFullRegister() - Register.RAX;
        int offset = number switch
        {
            0 => RegisterFile.Rax,
            1 => RegisterFile.Rcx,
            2 => RegisterFile.Rdx,
            3 => RegisterFile.Rbx,
            4 => RegisterFile.Rsp,
            5 => RegisterFile.Rbp,
            6 => RegisterFile.Rsi,
            7 => RegisterFile.Rdi,
            < 16 => number * 8,
            _ => RegisterFile.Zero,
        };
        return (short)(offset + high);
    }

    private static void Unknown(ref Op op, Mnemonic mnemonic)
    {
        op.Code = OpCode.Undefined;
        op.Flags |= OpFlags.Unimplemented | OpFlags.Ends;
        op.Value = (long)mnemonic;
    }

    private static void SetOperands(ref Op op, in Instruction i, int bits)
    {
        for (int n = 0; n < i.OpCount; n++)
        {
            OpKind kind = i.GetOpKind(n);
            switch (kind)
            {
                case OpKind.Register:
                    Register register = i.GetOpRegister(n);
                    if (register.IsXMM())
                    {
                        SseOperands.SetRegister(ref op, n, register);
                        break;
                    }

                    if (!register.IsGPR())
                    {
                        break;
                    }

                    int size = register.GetSize();
                    if (n == 0)
                    {
                        op.To = Op.InRegister;
                        op.Target = OffsetOf(register);
                        op.Size = op.SourceSize = (byte)size;
                    }
                    else if (n == 1)
                    {
                        op.From = Op.InRegister;
                        op.Source = OffsetOf(register);
                        op.SourceSize = (byte)size;
                    }
                    else
                    {
                        op.Third = OffsetOf(register);
                    }

                    break;
                case OpKind.Memory:
                    SetMemory(ref op, i, bits);
                    int bytes = i.MemorySize.GetSize();
                    if (n == 0)
                    {
                        op.To = Op.InMemory;
                        op.Size = op.SourceSize = (byte)bytes;
                    }
                    else
                    {
                        op.From = Op.InMemory;
                        op.SourceSize = (byte)bytes;
                    }

                    break;
                case OpKind.NearBranch16:
                case OpKind.NearBranch32:
                case OpKind.NearBranch64:
                    op.Value = (long)i.NearBranchTarget;
                    op.Size = kind == OpKind.NearBranch64 ? (byte)8 : kind == OpKind.NearBranch32 ? (byte)4 : (byte)2;
                    break;
                case OpKind.FarBranch16:
                    op.Value = i.FarBranch16;
                    op.Third = (short)i.FarBranchSelector;
                    op.Size = 2;
                    break;
                case OpKind.FarBranch32:
                    op.Value = i.FarBranch32;
                    op.Third = (short)i.FarBranchSelector;
                    op.Size = 4;
                    break;
                case >= OpKind.MemorySegSI and <= OpKind.MemoryESRDI:
                    op.AddressSize = kind switch
                    {
                        OpKind.MemorySegSI or OpKind.MemorySegDI or OpKind.MemoryESDI => 2,
                        OpKind.MemorySegESI or OpKind.MemorySegEDI or OpKind.MemoryESEDI => 4,
                        _ => 8,
                    };
                    op.Size = (byte)i.MemorySize.GetSize();
                    op.Segment = SegmentOf(i.MemorySegment);
                    op.Address = bits == 64 ? Op.AddressLong : Op.AddressLegacy;
                    break;
                default:
                    if (n == 1)
                    {
                        op.From = Op.Immediate;
                    }

                    if (kind == OpKind.Immediate8_2nd)
                    {
                        op.Third = (short)i.Immediate8_2nd;
                    }
                    else
                    {
                        op.Value = (long)i.GetImmediate(n);
                    }

                    break;
            }
        }
    }

    private static void SetMemory(ref Op op, in Instruction i, int bits)
    {
        Register based = i.MemoryBase, index = i.MemoryIndex;
        if (i.IsIPRelativeMemoryOperand)
        {
            op.Base = RegisterFile.BlockStart;
            op.Displacement = (long)i.IPRelativeMemoryAddress;
            op.AddressSize = based == Register.EIP ? (byte)4 : (byte)8;
        }
        else
        {
            op.Base = OffsetOf(based);
            op.Displacement = (long)i.MemoryDisplacement64;
            int size = based != Register.None ? based.GetSize() : index != Register.None ? index.GetSize() : i.MemoryDisplSize;
            op.AddressSize = (byte)(size == 1 ? bits / 8 : size);
        }

        op.Index = OffsetOf(index);
        op.Scale = i.MemoryIndexScale switch { 1 => 0, 2 => 1, 4 => 2, _ => 3 };
        op.Segment = SegmentOf(i.MemorySegment);
        op.Address = bits != 64 ? Op.AddressLegacy
            : op.AddressSize == 8 && op.Segment < Seg.Fs ? Op.AddressPlain : Op.AddressLong;
    }

    private static byte SegmentOf(Register register) => register is >= Register.ES and <= Register.GS
        ? (byte)(register - Register.ES)
        : (byte)Seg.Ds;

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

    // The commonest forms get codes of their own.
    private static void Specialize(ref Op op)
    {
        if ((op.Flags & OpFlags.Lock) != 0)
        {
            return;
        }

        bool wide = op.Size >= 4 && op.SourceSize == op.Size;
        bool plain = op.Address == Op.AddressPlain;
        if (op.Code == OpCode.Mov)
        {
            op.Code = (op.To, op.From) switch
            {
                (Op.InRegister, Op.InRegister) when op.Size == 8 => OpCode.MovReg64,
                (Op.InRegister, Op.InRegister) when op.Size == 4 => OpCode.MovReg32,
                (Op.InRegister, Op.Immediate) when op.Size >= 4 => OpCode.MovImm,
                (Op.InRegister, Op.InMemory) when op.Size == 8 && plain => OpCode.MovLoad64,
                (Op.InRegister, Op.InMemory) when op.Size == 4 && plain => OpCode.MovLoad32,
                (Op.InMemory, Op.InRegister) when op.Size == 8 && plain => OpCode.MovStore64,
                (Op.InMemory, Op.InRegister) when op.Size == 4 && plain => OpCode.MovStore32,
                _ => op.Code,
            };
            if (op.Code == OpCode.MovImm && op.Size == 4)
            {
                op.Value = (uint)op.Value;
            }

            return;
        }

        if (op.To != Op.InRegister || op.From == Op.InMemory || op.Size < 4)
        {
            return;
        }

        if (op.From == Op.InRegister)
        {
            op.Code = op.Code switch
            {
                OpCode.Add when wide => OpCode.AddReg,
                OpCode.Sub when wide => OpCode.SubReg,
                OpCode.Cmp when wide => OpCode.CmpReg,
                OpCode.Test when wide => OpCode.TestReg,
                OpCode.And when wide => OpCode.AndReg,
                OpCode.Or when wide => OpCode.OrReg,
                OpCode.Xor when wide => OpCode.XorReg,
                OpCode.Inc => OpCode.IncReg,
                OpCode.Dec => OpCode.DecReg,
                _ => op.Code,
            };
            return;
        }

        op.Code = op.Code switch
        {
            OpCode.Add => OpCode.AddImm,
            OpCode.Sub => OpCode.SubImm,
            OpCode.Cmp => OpCode.CmpImm,
            OpCode.And => OpCode.AndImm,
            _ => op.Code,
        };
    }
}
