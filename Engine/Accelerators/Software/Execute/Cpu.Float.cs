using System.Buffers.Binary;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>The state of x87 and SSE: kept, saved and restored. Their arithmetic is in parts of its own.</summary>
internal sealed partial class Cpu
{
    private const int LegacyAreaSize = 512;
    private readonly byte[] _float = new byte[LegacyAreaSize];

    /// <summary>Writes the legacy area, as FXSAVE has it; in 64-bit mode as FXSAVE64 has it.</summary>
    internal void SaveFloat(Span<byte> area)
    {
        X87ToArea(_bits == 64);
        WritePointers(_float, _bits == 64);
        _float.CopyTo(area);
    }

    /// <summary>Takes a legacy area. The processor's mode must be the one of <see cref="SaveFloat"/>.</summary>
    internal void RestoreFloat(ReadOnlySpan<byte> area)
    {
        area[..LegacyAreaSize].CopyTo(_float);
        X87FromArea(_bits == 64);
    }

    private void InitializeFloat()
    {
        Array.Clear(_float);
        BinaryPrimitives.WriteUInt16LittleEndian(_float, 0x37F);
        BinaryPrimitives.WriteUInt32LittleEndian(_float.AsSpan(24), 0x1F80);
        BinaryPrimitives.WriteUInt32LittleEndian(_float.AsSpan(28), MxcsrMask);
        X87FromArea(isWide: false);
    }

    private void ExecuteFloat(in Op op)
    {
        switch (op.Code)
        {
            case OpCode.Fninit or OpCode.Fnclex or OpCode.Fwait or OpCode.Fnstcw or OpCode.Fldcw or OpCode.Fnstsw:
                ExecuteX87Control(op);
                return;
            case >= OpCode.Fnstenv and <= OpCode.Frstor:
                ExecuteX87Environment(op);
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
            case OpCode.Xsave or OpCode.Xrstor:
                MoveStateArea(op);
                return;
            default:
                Throw(6);
                return;
        }
    }
}
