using Iced.Intel;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>Turns one decoded instruction of Iced's into ours.</summary>
internal static partial class OpBuilder
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
