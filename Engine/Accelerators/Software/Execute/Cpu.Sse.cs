using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Hyperpatch.Engine.Memory;
using Hyperpatch.Engine.Vendors;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>SSE and SSE2 on XMM registers: whether they may run, their operands, and moves.</summary>
internal sealed partial class Cpu
{
    private const int MxcsrOffset = 24;

    // All of it, at decoded offsets; LDMXCSR and STMXCSR check likewise.
    private void CheckSse()
    {
        const ulong Emulated = 4, TaskSwitched = 8, OsFxsr = 0x200;
        if ((Cr0 & Emulated) != 0 || (Cr4 & OsFxsr) == 0)
        {
            Throw(6);
        }

        if ((Cr0 & TaskSwitched) != 0)
        {
            Throw(7);
        }
    }

    private void ExecuteSse(in Op op)
    {
        if ((op.Flags & OpFlags.Mm) != 0)
        {
            ExecuteMmx(op);
            return;
        }

        CheckSse();
        switch (op.Code)
        {
            case <= OpCode.Pinsrw:
                MoveXmm(op);
                return;
            case <= OpCode.Unpckhpd:
                SetXmm(op.Target, Arrange(op, GetXmm(op.Target), LoadXmm(op)));
                return;
            case <= OpCode.Psrldq:
                SetXmm(op.Target, Pack(op, GetXmm(op.Target), op.From == Op.Immediate ? Vector128.CreateScalar((ulong)(byte)op.Value).AsByte() : LoadXmm(op)));
                return;
            case <= OpCode.CmpsdXmm:
                ComputeFloat(op);
                return;
            case <= OpCode.Rsqrtss:
                Approximate(op);
                return;
            case <= OpCode.Ucomisd:
                CompareToFlags(op);
                return;
            default:
                ConvertFloat(op);
                return;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector128<byte> GetXmm(int offset) => Unsafe.ReadUnaligned<Vector128<byte>>(ref _float[offset]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void SetXmm(int offset, Vector128<byte> value) => Unsafe.WriteUnaligned(ref _float[offset], value);

    private ulong GetXmmLow(int offset) => Unsafe.ReadUnaligned<ulong>(ref _float[offset]);

    private void SetXmmPart(int offset, int size, ulong value)
    {
        if (size == 4)
        {
            Unsafe.WriteUnaligned(ref _float[offset], (uint)value);
        }
        else
        {
            Unsafe.WriteUnaligned(ref _float[offset], value);
        }
    }

    // The second operand, a register or as much of memory as the instruction reads; zeros above.
    private Vector128<byte> LoadXmm(in Op op)
    {
        if (op.From == Op.InRegister)
        {
            return GetXmm(op.Source);
        }

        ulong address = Ea(op, op.SourceSize, write: false);
        if (op.SourceSize < 16)
        {
            return Vector128.CreateScalar(Load(address, op.SourceSize)).AsByte();
        }

        CheckAligned(op, address, MemoryAccess.Read);
        ulong low = Load(address, 8);
        return Vector128.Create(low, Load(Wrap(address + 8), 8)).AsByte();
    }

    private void StoreXmm(in Op op, Vector128<byte> value)
    {
        ulong address = Ea(op, 16, write: true);
        CheckAligned(op, address, MemoryAccess.Write);
        // A fault in the second half must leave the first as it was.
        ProbeWrite(address, 8);
        ProbeWrite(Wrap(address + 8), 8);
        Store(address, 8, value.AsUInt64()[0]);
        Store(Wrap(address + 8), 8, value.AsUInt64()[1]);
    }

    private void CheckAligned(in Op op, ulong address, MemoryAccess access)
    {
        if ((address & 15) != 0)
        {
            NotAligned(op, address, access);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void NotAligned(in Op op, ulong address, MemoryAccess access)
    {
        if (op.Code is not (OpCode.Movups or OpCode.Movupd or OpCode.Movdqu))
        {
            ThrowProtection();
        }

        // While alignment is checked the unaligned forms are, too: 16 bytes on AMD's; Intel leaves it to the model, and 8 are checked with the halves.
        if (_checksAlignment && _vendor == CpuVendor.Amd)
        {
            RequireAligned(address, 16, access);
        }
    }

    // The second operand's lowest 4 or 8 bytes, whether in an XMM register, a general one or memory.
    private ulong LoadLow(in Op op) => op.From == Op.InMemory ? Load(Ea(op, op.SourceSize, write: false), op.SourceSize)
        : op.SourceSize == 16 ? GetXmmLow(op.Source)
        : R.Get64(op.Source) & Mask(op.SourceSize);

    private void MoveXmm(in Op op)
    {
        switch (op.Code)
        {
            case <= OpCode.Movdqu:
                if (op.To == Op.InMemory)
                {
                    StoreXmm(op, GetXmm(op.Source));
                }
                else
                {
                    SetXmm(op.Target, LoadXmm(op));
                }

                return;
            case OpCode.Movss or OpCode.MovsdXmm when op.To == Op.InMemory:
                Store(Ea(op, op.Size, write: true), op.Size, GetXmmLow(op.Source));
                return;
            case OpCode.Movss or OpCode.MovsdXmm when op.From == Op.InRegister:
                SetXmmPart(op.Target, op.Code == OpCode.Movss ? 4 : 8, GetXmmLow(op.Source));
                return;
            case OpCode.Movss or OpCode.MovsdXmm or OpCode.MovLow when op.To == Op.InRegister:
                SetXmm(op.Target, Vector128.CreateScalar(LoadLow(op)).AsByte());
                return;
            case OpCode.MovLow or OpCode.MovLowOut:
                StoreTo(op, GetXmmLow(op.Source));
                return;
            case OpCode.Movhps or OpCode.Movhpd or OpCode.Movlps or OpCode.Movlpd:
            {
                int half = op.Code is OpCode.Movhps or OpCode.Movhpd ? 8 : 0;
                if (op.To == Op.InMemory)
                {
                    Store(Ea(op, 8, write: true), 8, GetXmmLow(op.Source + half));
                }
                else
                {
                    SetXmmPart(op.Target + half, 8, Load(Ea(op, 8, write: false), 8));
                }

                return;
            }

            case OpCode.Movhlps:
                SetXmmPart(op.Target, 8, GetXmmLow(op.Source + 8));
                return;
            case OpCode.Movlhps:
                SetXmmPart(op.Target + 8, 8, GetXmmLow(op.Source));
                return;
            case OpCode.Movmskps:
                R.Set(op.Target, op.Size, (uint)Sse.MoveMask(GetXmm(op.Source).AsSingle()));
                return;
            case OpCode.Movmskpd:
                R.Set(op.Target, op.Size, (uint)Sse2.MoveMask(GetXmm(op.Source).AsDouble()));
                return;
            case OpCode.Pmovmskb:
                R.Set(op.Target, op.Size, (uint)Sse2.MoveMask(GetXmm(op.Source)));
                return;
            case OpCode.Maskmovdqu:
                StoreMasked(op, GetXmm(op.Source), Sse2.MoveMask(GetXmm(op.Third)), 16);
                return;
            case OpCode.Pextrw:
                R.Set(op.Target, op.Size, Unsafe.ReadUnaligned<ushort>(ref _float[op.Source + (((int)op.Value & 7) * 2)]));
                return;
            default:
            {
                ushort word = op.From == Op.InMemory ? (ushort)Load(Ea(op, 2, write: false), 2) : (ushort)R.Get64(op.Source);
                Unsafe.WriteUnaligned(ref _float[op.Target + (((int)op.Value & 7) * 2)], word);
                return;
            }
        }
    }

    // The bytes whose mask has its upper bit set; others are not touched, nor need they be there.
    private void StoreMasked(in Op op, Vector128<byte> value, int mask, int size)
    {
        if (mask == 0)
        {
            return;
        }

        ulong address = Ea(op, size, write: true);
        for (int i = 0; i < size; i++)
        {
            if ((mask >> i & 1) != 0)
            {
                ProbeWrite(Wrap(address + (ulong)i), 1);
            }
        }

        for (int i = 0; i < size; i++)
        {
            if ((mask >> i & 1) != 0)
            {
                Store(Wrap(address + (ulong)i), 1, value[i]);
            }
        }
    }
}
