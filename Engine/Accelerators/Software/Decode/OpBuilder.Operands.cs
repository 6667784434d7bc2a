using Iced.Intel;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>Where operands are.</summary>
internal static partial class OpBuilder
{
    private static void SetOperands(ref Op op, in Instruction i, int bits)
    {
        for (int n = 0; n < i.OpCount; n++)
        {
            OpKind kind = i.GetOpKind(n);
            switch (kind)
            {
                case OpKind.Register:
                    Register register = i.GetOpRegister(n);
                    if (register.IsXMM() || register.IsMM())
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
}
