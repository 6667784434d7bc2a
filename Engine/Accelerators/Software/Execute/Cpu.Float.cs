using System.Buffers.Binary;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>The state of x87 and SSE: kept, saved and restored. The arithmetic of x87 is not here yet, and CPUID says so.</summary>
internal sealed partial class Cpu
{
    private const int LegacyAreaSize = 512;
    private readonly byte[] _float = new byte[LegacyAreaSize];

    /// <summary>The legacy area, as FXSAVE has it.</summary>
    internal Span<byte> FloatArea => _float;

    private void InitializeFloat()
    {
        Array.Clear(_float);
        BinaryPrimitives.WriteUInt16LittleEndian(_float, 0x37F);
        BinaryPrimitives.WriteUInt32LittleEndian(_float.AsSpan(24), 0x1F80);
        BinaryPrimitives.WriteUInt32LittleEndian(_float.AsSpan(28), 0xFFFF);
    }

    private void ExecuteFloat(in Op op)
    {
        const ulong TaskSwitchedOrEmulated = 0xC;
        switch (op.Code)
        {
            case OpCode.Fninit:
            case OpCode.Fnclex:
            case OpCode.Fwait:
                if ((Cr0 & TaskSwitchedOrEmulated) != 0 && op.Code != OpCode.Fwait)
                {
                    Throw(7);
                }

                if (op.Code == OpCode.Fninit)
                {
                    BinaryPrimitives.WriteUInt64LittleEndian(_float, 0x37F);
                }

                return;
            case OpCode.Fnstcw:
                Store(Ea(op, 2, write: true), 2, BinaryPrimitives.ReadUInt16LittleEndian(_float));
                return;
            case OpCode.Fldcw:
                BinaryPrimitives.WriteUInt16LittleEndian(_float, (ushort)Load(Ea(op, 2, write: false), 2));
                return;
            case OpCode.Fnstsw:
                StoreStatus(op);
                return;
            case OpCode.Stmxcsr:
                CheckSse();
                Store(Ea(op, 4, write: true), 4, BinaryPrimitives.ReadUInt32LittleEndian(_float.AsSpan(24)));
                return;
            case OpCode.Ldmxcsr:
            {
                CheckSse();
                uint value = (uint)Load(Ea(op, 4, write: false), 4);
                if (value >> 16 != 0)
                {
                    ThrowProtection();
                }

                BinaryPrimitives.WriteUInt32LittleEndian(_float.AsSpan(24), value);
                return;
            }

            case OpCode.Fxsave or OpCode.Fxrstor:
                MoveFloatArea(op);
                return;
            default:
                Unimplemented++;
                Throw(6);
                return;
        }
    }

    private void StoreStatus(in Op op)
    {
        ushort status = BinaryPrimitives.ReadUInt16LittleEndian(_float.AsSpan(2));
        if (op.To == Op.InMemory)
        {
            Store(Ea(op, 2, write: true), 2, status);
        }
        else
        {
            R.Set(RegisterFile.Rax, 2, status);
        }
    }

    private void MoveFloatArea(in Op op)
    {
        const int Used = 416;
        ulong address = Ea(op, LegacyAreaSize, write: op.Code == OpCode.Fxsave);
        if ((address & 15) != 0)
        {
            ThrowProtection();
        }

        if (op.Code == OpCode.Fxsave)
        {
            ProbeWrite(address, 8);
            ProbeWrite(Wrap(address + Used - 8), 8);
            for (int i = 0; i < Used; i += 8)
            {
                Store(Wrap(address + (ulong)i), 8, BinaryPrimitives.ReadUInt64LittleEndian(_float.AsSpan(i)));
            }

            return;
        }

        Span<byte> area = stackalloc byte[Used];
        for (int i = 0; i < Used; i += 8)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(area[i..], Load(Wrap(address + (ulong)i), 8));
        }

        if (BinaryPrimitives.ReadUInt32LittleEndian(area[24..]) >> 16 != 0)
        {
            ThrowProtection();
        }

        area.CopyTo(_float);
    }
}
