using System.Buffers.Binary;
using Hyperpatch.Engine.Vendors;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>FXSAVE, XSAVE and their counterparts, and XCR0, which tells what XSAVE saves.</summary>
internal sealed partial class Cpu
{
    /// <summary>What XCR0 can enable: x87 and SSE.</summary>
    internal const ulong Xcr0Known = 3;

    private const ulong OsXsave = 1 << 18;
    private const uint MxcsrMask = 0xFFFF;
    private const int UsedSize = 416;
    private const int StateAreaSize = 576;
    private const int X87End = 160;

    internal ulong Xcr0 = 1;

    private void AddFloatFeatures(ref CpuidRegisters r)
    {
        r.Edx |= 1u | (1u << 23) | (1u << 24); // FPU, MMX, FXSR
        r.Ecx |= (1u << 26) | ((Cr4 & OsXsave) != 0 ? 1u << 27 : 0);
    }

    // AMD's processors repeat the bits that were there before leaf 1 was Intel's as well: FPU, MMX, FXSR. MMX's SSE forms have one more.
    private void AddExtendedFloatFeatures(ref CpuidRegisters r) =>
        r.Edx |= _vendor == CpuVendor.Amd ? 1u | (1u << 22) | (1u << 23) | (1u << 24) : 0;

    private static void CpuidOfXsave(uint subleaf, ref CpuidRegisters r)
    {
        if (subleaf == 0)
        {
            r.Eax = (uint)Xcr0Known;
            r.Ebx = r.Ecx = StateAreaSize;
        }
        else if (subleaf == 1)
        {
            r.Eax = 1; // XSAVEOPT
        }
    }

    private void ExecuteXcr(in Op op)
    {
        if ((Cr4 & OsXsave) == 0)
        {
            Throw(6);
        }

        if (op.Code == OpCode.Xgetbv)
        {
            if ((uint)R.Guest.Rcx != 0)
            {
                ThrowProtection();
            }

            R.Guest.Rax = (uint)Xcr0;
            R.Guest.Rdx = Xcr0 >> 32;
            return;
        }

        ulong value = (uint)R.Guest.Rax | (R.Guest.Rdx << 32);
        if (_cpl != 0 || (uint)R.Guest.Rcx != 0 || (value & ~Xcr0Known) != 0 || (value & 1) == 0)
        {
            ThrowProtection();
        }

        Xcr0 = value;
    }

    // Registers 8 to 15 are neither saved nor loaded outside 64-bit mode.
    private int EndOfLegacy => _bits == 64 ? UsedSize : UsedSize - 128;

    private void MoveFloatArea(in Op op)
    {
        CheckX87Available();
        bool isSave = op.Code == OpCode.Fxsave;
        ulong address = Ea(op, LegacyAreaSize, isSave);
        if ((address & 15) != 0)
        {
            ThrowProtection();
        }

        X87ToArea(op.Size == 8);
        if (isSave)
        {
            ProbeWrite(address, 8);
            ProbeWrite(Wrap(address + UsedSize - 8), 8);
            StoreArea(address, 0, EndOfLegacy);
            return;
        }

        Span<byte> area = stackalloc byte[LegacyAreaSize];
        LoadArea(address, area[..EndOfLegacy]);
        CheckMxcsr(area);
        area[..EndOfLegacy].CopyTo(_float);
        BinaryPrimitives.WriteUInt32LittleEndian(_float.AsSpan(28), MxcsrMask);
        X87FromArea(op.Size == 8);
    }

    private void MoveStateArea(in Op op)
    {
        if ((Cr4 & OsXsave) == 0)
        {
            Throw(6);
        }

        if ((Cr0 & Cr0TaskSwitched) != 0)
        {
            Throw(7);
        }

        bool isSave = op.Code == OpCode.Xsave;
        ulong address = Ea(op, StateAreaSize, isSave);
        if ((address & 63) != 0)
        {
            ThrowProtection();
        }

        ulong parts = ((uint)R.Guest.Rax | (R.Guest.Rdx << 32)) & Xcr0;
        X87ToArea(op.Size == 8);
        if (isSave)
        {
            SaveParts(address, parts);
        }
        else
        {
            RestoreParts(address, parts, op.Size == 8);
        }
    }

    private void SaveParts(ulong address, ulong parts)
    {
        ulong header = Wrap(address + LegacyAreaSize);
        ProbeWrite(address, 8);
        ProbeWrite(header, 8);
        ulong present = Load(header, 8);
        if ((parts & 1) != 0)
        {
            StoreArea(address, 0, 24);
            StoreArea(address, 32, X87End);
        }

        if ((parts & 2) != 0)
        {
            StoreArea(address, 24, 32);
            StoreArea(address, X87End, EndOfLegacy);
        }

        // Whether a part is as after reset is not looked at: it counts as in use.
        Store(header, 8, (present & ~parts) | parts);
    }

    private void RestoreParts(ulong address, ulong parts, bool isWide)
    {
        Span<byte> area = stackalloc byte[LegacyAreaSize];
        ulong header = Wrap(address + LegacyAreaSize);
        ulong present = Load(header, 8);
        if ((present & ~Xcr0) != 0 || Load(Wrap(header + 8), 8) != 0 || Load(Wrap(header + 16), 8) != 0)
        {
            ThrowProtection();
        }

        LoadArea(address, area[..EndOfLegacy]);
        if ((parts & 2) != 0)
        {
            // MXCSR is taken from memory also where the part itself is not there.
            CheckMxcsr(area);
            area[24..28].CopyTo(_float.AsSpan(24));
            Span<byte> registers = _float.AsSpan(X87End, EndOfLegacy - X87End);
            if ((present & 2) != 0)
            {
                area[X87End..EndOfLegacy].CopyTo(registers);
            }
            else
            {
                registers.Clear();
            }
        }

        if ((parts & 1) != 0)
        {
            if ((present & 1) != 0)
            {
                area[..24].CopyTo(_float);
                area[32..X87End].CopyTo(_float.AsSpan(32));
            }
            else
            {
                Array.Clear(_float, 0, 24);
                Array.Clear(_float, 32, X87End - 32);
                BinaryPrimitives.WriteUInt16LittleEndian(_float, 0x37F);
            }

            X87FromArea(isWide);
        }
    }

    private void StoreArea(ulong address, int from, int to)
    {
        for (int i = from; i < to; i += 8)
        {
            Store(Wrap(address + (ulong)i), 8, BinaryPrimitives.ReadUInt64LittleEndian(_float.AsSpan(i)));
        }
    }

    private void LoadArea(ulong address, Span<byte> area)
    {
        for (int i = 0; i < area.Length; i += 8)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(area[i..], Load(Wrap(address + (ulong)i), 8));
        }
    }

    private void CheckMxcsr(ReadOnlySpan<byte> area)
    {
        if ((BinaryPrimitives.ReadUInt32LittleEndian(area[24..]) & ~MxcsrMask) != 0)
        {
            ThrowProtection();
        }
    }
}
