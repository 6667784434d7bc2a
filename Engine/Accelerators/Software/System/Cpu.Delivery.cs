using Hyperpatch.Engine.Memory;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>Delivery of interrupts and exceptions through the IVT or IDT (Intel SDM vol. 3, chapter 6).</summary>
internal sealed partial class Cpu
{
    private const int TypeTss16 = 1;
    private const int TypeTss32 = 9;

    // Changes nothing but memory until nothing can fault any more.
    private void DeliverOnce(int vector, uint error, bool hasError, ulong rip, ulong extraFlags, bool isSoftware)
    {
        ulong flags = Rflags | extraFlags | 2;
        if (!IsProtected)
        {
            DeliverReal(vector, rip, flags);
        }
        else
        {
            DeliverProtected(vector, error, hasError, rip, flags, isSoftware);
        }
    }

    private void DeliverReal(int vector, ulong rip, ulong flags)
    {
        if ((vector * 4) + 3 > Idt.Limit)
        {
            throw Fault(13, 0);
        }

        ulong entry = LoadSystem(Idt.Base + (ulong)(vector * 4), 4);
        ulong sp = R.Guest.Rsp;
        WriteStackSlot(ref sp, 2, (ushort)flags);
        WriteStackSlot(ref sp, 2, Segments[Seg.Cs].Selector);
        WriteStackSlot(ref sp, 2, (ushort)rip);
        SetStack(sp);
        Segments[Seg.Cs].Selector = (ushort)(entry >> 16);
        Segments[Seg.Cs].Base = (entry >> 16) << 4;
        R.Guest.Rip = (ushort)entry;
        R.Guest.Rflags &= ~(Flag.Interrupt | Flag.Trap | Flag.Resume | Flag.Alignment);
        CodeChanged();
    }

    private void WriteStackSlot(ref ulong sp, int size, ulong value)
    {
        sp = StackOffset(sp - (ulong)size);
        StoreSlow(Linear(Seg.Ss, sp, size, write: true), size, value);
    }

    private void DeliverProtected(int vector, uint error, bool hasError, ulong rip, ulong flags, bool isSoftware)
    {
        bool isLong = IsLongMode;
        uint gateError = (uint)(vector * 8) + 2;
        int gateSize = isLong ? 16 : 8;
        if ((vector * gateSize) + gateSize - 1 > Idt.Limit)
        {
            throw Fault(13, gateError);
        }

        ulong at = Idt.Base + (ulong)(vector * gateSize);
        ulong gate = LoadSystem(at, 8);
        int type = (int)(gate >> 40) & 0x1F;
        bool isKnown = isLong ? type is 14 or 15 : type is TypeTaskGate or 6 or 7 or 14 or 15;
        if (!isKnown || (isSoftware && (int)((gate >> 45) & 3) < _cpl))
        {
            throw Fault(13, gateError);
        }

        if ((gate & (1UL << 47)) == 0)
        {
            throw Fault(11, gateError);
        }

        int selector = (ushort)(gate >> 16);
        if (type == TypeTaskGate)
        {
            DeliverToTask(selector, error, hasError, rip, flags);
            return;
        }

        ulong target = (gate & 0xFFFF) | ((gate >> 32) & 0xFFFF_0000);
        int width = isLong ? 8 : type >= 14 ? 4 : 2;
        if (isLong)
        {
            target |= LoadSystem(at + 8, 4) << 32;
        }
        else if (width == 2)
        {
            target &= 0xFFFF;
        }

        if ((selector & 0xFFFC) == 0)
        {
            throw Fault(13, 0);
        }

        Descriptor code = ReadDescriptor(selector);
        if (!code.IsCode || code.Dpl > _cpl || (isLong && ((code.Flags & FlagLong) == 0 || (code.Flags & FlagBig) != 0)))
        {
            throw Fault(13, (uint)selector & 0xFFFC);
        }

        if (!code.IsPresent)
        {
            throw Fault(11, (uint)selector & 0xFFFC);
        }

        int cpl = code.IsConforming ? _cpl : code.Dpl;
        bool isInward = cpl < _cpl;
        ulong oldSp = R.Guest.Rsp;
        int oldCpl = _cpl;
        SegmentRegister oldSs = Segments[Seg.Ss];
        ushort oldCs = Segments[Seg.Cs].Selector;
        if (isLong)
        {
            int ist = (int)(gate >> 32) & 7;
            ulong rsp = ist != 0 ? LoadTss(36 + ((ist - 1) * 8), 8) : isInward ? LoadTss(4 + (cpl * 8), 8) : oldSp;
            if (!PageWalker.IsCanonical(target, (Cr4 & PagingState.Cr4La57) != 0 ? 5 : 4))
            {
                throw Fault(13, 0);
            }

            rsp &= ~15UL;
            // The frame lies on pages of the new level's.
            int count = hasError ? 6 : 5;
            RequireStack(rsp, count);
            ulong top = rsp;
            _cpl = cpl;
            try
            {
                Slot(oldSs.Selector);
                Slot(oldSp);
                Slot(flags);
                Slot(oldCs);
                Slot(rip);
                if (hasError)
                {
                    Slot(error);
                }
            }
            catch (GuestFault)
            {
                _cpl = oldCpl;
                throw;
            }

            _cpl = oldCpl;
            R.Guest.Rsp = top - (ulong)(count * 8);
            if (isInward)
            {
                Segments[Seg.Ss] = new SegmentRegister { Selector = (ushort)cpl, Access = (byte)(cpl << 5) };
            }

            void Slot(ulong value)
            {
                rsp -= 8;
                StoreSlow(rsp, 8, value);
            }
        }
        else
        {
            DeliverLegacyFrame(cpl, isInward, width, hasError, error, rip, flags);
        }

        SetCodeSegment(selector, code, cpl);
        R.Guest.Rip = target;
        R.Guest.Rflags &= ~(Flag.Trap | Flag.NestedTask | Flag.Resume | Flag.Virtual8086 | ((type & 1) == 0 ? Flag.Interrupt : 0));
        SelectTlb();
    }

    // 64-bit: a stack that is not canonical is #SS(0) (SDM vol. 3, 6.14.2).
    private void RequireStack(ulong top, int slots)
    {
        if (!IsCanonical(top - 8) || !IsCanonical(top - (ulong)(slots * 8)))
        {
            throw Fault(12, 0);
        }
    }

    private void DeliverLegacyFrame(int cpl, bool isInward, int width, bool hasError, uint error, ulong rip, ulong flags)
    {
        SegmentRegister stack = Segments[Seg.Ss];
        ulong sp = R.Guest.Rsp;
        if (isInward)
        {
            LoadInnerStack(cpl, out stack, out sp);
        }

        SegmentRegister oldStack = Segments[Seg.Ss];
        ulong oldSp = R.Guest.Rsp;
        int oldCpl = _cpl;
        Segments[Seg.Ss] = stack;
        _cpl = cpl;
        try
        {
            if (isInward)
            {
                WriteStackSlot(ref sp, width, oldStack.Selector);
                WriteStackSlot(ref sp, width, oldSp);
            }

            WriteStackSlot(ref sp, width, flags);
            WriteStackSlot(ref sp, width, Segments[Seg.Cs].Selector);
            WriteStackSlot(ref sp, width, rip);
            if (hasError)
            {
                WriteStackSlot(ref sp, width, error);
            }
        }
        catch (GuestFault)
        {
            Segments[Seg.Ss] = oldStack;
            _cpl = oldCpl;
            throw;
        }

        _cpl = oldCpl;
        R.Guest.Rsp = stack.IsBig ? (uint)sp : (R.Guest.Rsp & ~0xFFFFUL) | (ushort)sp;
    }

    // SS:ESP of an inner level from the TSS, checked.
    private void LoadInnerStack(int cpl, out SegmentRegister stack, out ulong sp)
    {
        int selector;
        if ((Tr.Access & 0xF) is TypeTss32 or 11)
        {
            sp = LoadTss(4 + (cpl * 8), 4);
            selector = (int)LoadTss(8 + (cpl * 8), 2);
        }
        else
        {
            sp = LoadTss(2 + (cpl * 4), 2);
            selector = (int)LoadTss(4 + (cpl * 4), 2);
        }

        stack = ReadStackSegment(selector, cpl, 10);
    }

    private ulong LoadTss(int offset, int size)
    {
        if ((Tr.Access & AccessPresent) == 0 || (uint)(offset + size - 1) > Tr.Limit)
        {
            throw Fault(10, (uint)Tr.Selector & 0xFFFC);
        }

        return LoadSystem(Tr.Base + (ulong)offset, size);
    }
}
