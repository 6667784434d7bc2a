using Hyperpatch.Engine.Memory;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>Control and debug registers, reset.</summary>
internal sealed partial class Cpu
{
    private const ulong Cr0Known = 0xE005_003F;
    private const ulong Cr0Always = 0x10;
    private const ulong AlignmentMask = 1 << 18;
    private const ulong EferLme = 1 << 8;

    // VME, PVI, TSD, DE, PSE, PAE, MCE, PGE, PCE, OSFXSR, OSXMMEXCPT, UMIP, LA57, FSGSBASE, PCIDE, OSXSAVE, SMEP, SMAP.
    private const ulong Cr4Known = 0x0037_1FFF;
    private const ulong Cr4Pcide = 1 << 17;
    private const ulong KeepTranslations = 1UL << 63;

    private ulong ReadControl(int index)
    {
        switch (index)
        {
            case 0:
                return Cr0;
            case 2:
                return Cr2;
            case 3:
                return Cr3;
            case 4:
                return Cr4;
            case 8:
                return Apic.Cr8;
            default:
                Throw(6);
                return 0;
        }
    }

    private void WriteControl(int index, ulong value)
    {
        switch (index)
        {
            case 0:
                WriteCr0(value);
                break;
            case 2:
                Cr2 = value;
                break;
            case 3:
                // With process-context identifiers, bit 63 asks for translations to be kept. That is a permission, and it is not stored.
                if ((Cr4 & Cr4Pcide) != 0)
                {
                    value &= ~KeepTranslations;
                }

                if (IsLongMode && (value & ~(AddressMask | 0xFFF)) != 0)
                {
                    ThrowProtection();
                }

                CheckPointers(Cr0, Cr4, value);
                Cr3 = value;
                FlushTlb();
                break;
            case 4:
                WriteCr4(value);
                break;
            case 8:
                if ((value & ~0xFUL) != 0)
                {
                    ThrowProtection();
                }

                Apic.Cr8 = value;
                break;
            default:
                Throw(6);
                break;
        }
    }

    private void WriteCr0(ulong value)
    {
        value = (value & Cr0Known) | Cr0Always | (value & ~0xFFFF_FFFFUL);
        bool pages = (value & PagingState.Cr0Pg) != 0;
        if (value >> 32 != 0 || (pages && (value & PagingState.Cr0Pe) == 0) || (value & 0x6000_0000) == 0x2000_0000)
        {
            ThrowProtection();
        }

        if (pages != ((Cr0 & PagingState.Cr0Pg) != 0))
        {
            if (pages && (Efer & EferLme) != 0)
            {
                if ((Cr4 & PagingState.Cr4Pae) == 0 || Segments[Seg.Cs].IsLong)
                {
                    ThrowProtection();
                }

                Efer |= PagingState.EferLma;
            }
            else if (!pages)
            {
                if (_bits == 64 || (Cr4 & Cr4Pcide) != 0)
                {
                    ThrowProtection();
                }

                Efer &= ~PagingState.EferLma;
            }
        }

        CheckPointers(value, Cr4, Cr3);
        bool leavesProtected = (Cr0 & ~value & PagingState.Cr0Pe) != 0;
        Cr0 = value;
        if (leavesProtected)
        {
            SetCpl(0);
        }

        FlushTlb();
        CodeChanged();
    }

    private void WriteCr4(ulong value)
    {
        if ((value & ~Cr4Known) != 0
            || (IsLongMode && ((value & PagingState.Cr4Pae) == 0 || ((value ^ Cr4) & PagingState.Cr4La57) != 0))
            || ((value & ~Cr4 & Cr4Pcide) != 0 && (!IsLongMode || (Cr3 & 0xFFF) != 0)))
        {
            ThrowProtection();
        }

        CheckPointers(Cr0, value, Cr3);
        Cr4 = value;
        DebugRegistersChanged();
        FlushTlb();
    }

    // PAE paging outside long mode: the four pointers must be right when they are loaded.
    private void CheckPointers(ulong cr0, ulong cr4, ulong cr3)
    {
        if ((cr0 & PagingState.Cr0Pg) == 0 || (cr4 & PagingState.Cr4Pae) == 0 || IsLongMode)
        {
            return;
        }

        for (ulong i = 0; i < 4; i++)
        {
            ulong pointer = ReadPhysical64((cr3 & 0xFFFF_FFE0) + (i * 8));
            if ((pointer & 1) != 0 && (pointer & (0x1E6 | NoExecute | ReservedAddress)) != 0)
            {
                ThrowProtection();
            }
        }
    }

    private int DebugIndex(int index)
    {
        const ulong DebugExtensions = 8;
        if (index is 4 or 5)
        {
            if ((Cr4 & DebugExtensions) != 0)
            {
                Throw(6);
            }

            return index + 2;
        }

        if (index > 7)
        {
            Throw(6);
        }

        return index;
    }

    private ulong ReadDebug(int index) => Dr[DebugIndex(index)];

    private void WriteDebug(int index, ulong value)
    {
        index = DebugIndex(index);
        if (index >= 6 && value >> 32 != 0)
        {
            ThrowProtection();
        }

        Dr[index] = index switch
        {
            6 => (value & 0xE00F) | 0xFFFF_0FF0,
            7 => (value & 0xFFFF_2BFF) | 0x400,
            _ => value,
        };
        DebugRegistersChanged();
        ModeOfRunningChanged();
    }

    // #UD by DebugIndex and #GP by privilege come first.
    private void DetectDebugAccess(int index)
    {
        _ = DebugIndex(index);
        if ((Dr[7] & GeneralDetect) != 0)
        {
            Dr[6] |= GeneralDetect;
            Throw(1);
        }
    }

    /// <summary>State after RESET (Intel SDM vol. 3, table 9-1).</summary>
    internal void Reset()
    {
        Efer = 0;
        ResetRegisters();
        Cr0 = 0x6000_0010;
        InitializeFloat();
        Xcr0 = 1;
        _timestampOffset = _partition.TimestampOffset;
    }

    private void ResetRegisters()
    {
        R.Guest = default;
        R.Guest.Rip = 0xFFF0;
        R.Guest.Rflags = 2;
        R.Guest.Rdx = _vendor.Signature;
        ArithmeticFlags = 2;
        Array.Fill(Segments, new SegmentRegister { Limit = 0xFFFF, Access = 0x93 });
        Segments[Seg.Cs] = new SegmentRegister { Limit = 0xFFFF, Access = 0x9B, Selector = 0xF000, Base = 0xFFFF_0000 };
        Ldt = new SegmentRegister { Limit = 0xFFFF, Access = 0x82 };
        Tr = new SegmentRegister { Limit = 0xFFFF, Access = 0x8B };
        Gdt = Idt = new DescriptorTable(0, 0xFFFF);
        Cr2 = Cr3 = Cr4 = 0;
        Array.Clear(Dr);
        Dr[6] = 0xFFFF_0FF0;
        Dr[7] = 0x400;
        _watchedData = _watchedPorts = 0;
        _cpl = 0;
        _shadow = 0;
        _pendingDebug = 0;
        _injectedVector = -1;
        _isHalted = _isNmiBlocked = _isPending = _isAsking = false;
        FlushTlb();
        CodeChanged();
        ModeOfRunningChanged();
    }

    /// <summary>After registers were set from outside.</summary>
    internal void StateChanged(int cpl)
    {
        SetCpl(cpl);
        DebugRegistersChanged();
        FlushTlb();
        CodeChanged();
        ModeOfRunningChanged();
    }

    /// <summary>Sets a register as it was saved.</summary>
    internal bool TryRestoreMsr(uint index, ulong value)
    {
        if (index == 0x3B)
        {
            // The counter itself is restored: it must not be moved twice.
            _tscAdjust = value;
            return true;
        }

        return TryWriteMsr(index, value);
    }

    private void ResetByInit()
    {
        ulong cache = Cr0 & 0x6000_0000;
        Efer = 0;
        ResetRegisters();
        Cr0 = cache | Cr0Always;
    }

    private void StartAt(int page)
    {
        Segments[Seg.Cs].Selector = (ushort)(page << 8);
        Segments[Seg.Cs].Base = (ulong)page << 12;
        R.Guest.Rip = 0;
        _isHalted = false;
        CodeChanged();
    }
}
