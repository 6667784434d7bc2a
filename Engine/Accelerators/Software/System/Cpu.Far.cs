namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>Control transfers that load CS: INT, IRET, far JMP, CALL, RET, call gates (Intel SDM vol. 3, 5.8).</summary>
internal sealed partial class Cpu
{
    private void ExecuteFar(in Op op)
    {
        LeaveRun();
        switch (op.Code)
        {
            case OpCode.Int:
                SoftwareInterrupt((byte)op.Value, op);
                return;
            case OpCode.Int3:
                SoftwareInterrupt(3, op);
                return;
            case OpCode.Int1:
                SoftwareInterrupt(1, op, isPrivileged: true);
                return;
            case OpCode.Iret:
                InterruptReturn(op);
                return;
            case OpCode.RetFar:
                FarReturn(op);
                return;
            case OpCode.Lds:
                LoadFarPointer(op);
                return;
            default:
                FarTransfer(op);
                return;
        }
    }

    private void SoftwareInterrupt(int vector, in Op op, bool isPrivileged = false)
    {
        LeaveRun();
        ulong next = MaskRip(R.Block + op.Next);
        // A fault inside the delivery is the instruction's: RIP at it.
        R.Guest.Rip = MaskRip(R.Block + op.Start);
        _hasJumped = true;
        _isTrapSwallowed = true;
        Deliver(vector, 0, hasError: false, next, 0, isSoftware: !isPrivileged);
    }

    private void LoadFarPointer(in Op op)
    {
        ulong address = Ea(op, op.Size + 2, write: false);
        ulong offset = Load(address, op.Size);
        int selector = (int)Load(Wrap(address + op.Size), 2);
        LoadSegment(op.Third, selector);
        R.Set(op.Target, op.Size, offset);
    }

    private void FarTransfer(in Op op)
    {
        bool isCall = op.Code == OpCode.CallFar;
        ulong offset;
        int selector;
        if (op.To == Op.InMemory)
        {
            ulong address = Ea(op, op.Size + 2, write: false);
            offset = Load(address, op.Size);
            selector = (int)Load(Wrap(address + op.Size), 2);
        }
        else
        {
            offset = (ulong)op.Value;
            selector = (ushort)op.Third;
        }

        ulong next = MaskRip(R.Block + op.Next);
        if (!IsProtected)
        {
            CheckRealTarget(offset);
            if (isCall)
            {
                ProbeStack(2, op.Size);
                Push(Segments[Seg.Cs].Selector, op.Size);
                Push(next, op.Size);
            }

            Segments[Seg.Cs].Selector = (ushort)selector;
            Segments[Seg.Cs].Base = (ulong)selector << 4;
            CodeChanged();
            Jump(offset & 0xFFFF_FFFF);
            return;
        }

        uint error = (uint)selector & 0xFFFC;
        if (error == 0)
        {
            throw Fault(13, 0);
        }

        Descriptor d = ReadDescriptor(selector);
        if (IsTaskOrGate(d) && !IsLongMode)
        {
            FarToTask(selector, d, next, isCall, op);
            return;
        }

        if (d.IsSystem)
        {
            ThroughGate(selector, d, next, isCall);
            return;
        }

        CheckCode(d, selector);
        ulong target = op.Size == 8 ? offset : op.Size == 4 ? (uint)offset : (ushort)offset;
        CheckTarget(target, d);
        if (isCall)
        {
            ProbeStack(2, op.Size);
            Push(Segments[Seg.Cs].Selector, op.Size);
            Push(next, op.Size);
        }

        SetCodeSegment(selector, d, _cpl);
        Jump(target);
    }

    private void CheckCode(in Descriptor d, int selector)
    {
        uint error = (uint)selector & 0xFFFC;
        if (!d.IsCode || (IsLongMode && (d.Flags & (FlagLong | FlagBig)) == (FlagLong | FlagBig)))
        {
            throw Fault(13, error);
        }

        bool allowed = d.IsConforming ? d.Dpl <= _cpl : (selector & 3) <= _cpl && d.Dpl == _cpl;
        if (!allowed)
        {
            throw Fault(13, error);
        }

        if (!d.IsPresent)
        {
            throw Fault(11, error);
        }
    }

    private void CheckTarget(ulong target, in Descriptor d)
    {
        bool isLong = IsLongMode && (d.Flags & FlagLong) != 0;
        if (isLong ? !IsCanonical(target) : target > d.Limit)
        {
            throw Fault(13, 0);
        }
    }

    // Real mode: the limit stays as it is.
    private void CheckRealTarget(ulong target)
    {
        if ((uint)target > Segments[Seg.Cs].Limit)
        {
            throw Fault(13, 0);
        }
    }

    private void ProbeStack(int slots, int size)
    {
        for (int i = 1; i <= slots; i++)
        {
            ProbeWrite(_bits == 64 ? R.Guest.Rsp - (ulong)(i * size)
                : Linear(Seg.Ss, StackOffset(R.Guest.Rsp - (ulong)(i * size)), size, write: true), size);
        }
    }

    // Call gates. To what leads to a task there is no way in long mode.
    private void ThroughGate(int gateSelector, in Descriptor gate, ulong next, bool isCall)
    {
        uint gateError = (uint)gateSelector & 0xFFFC;
        bool isLong = IsLongMode;
        if (!(gate.Type == 12 || (!isLong && gate.Type == 4)) || gate.Dpl < _cpl || gate.Dpl < (gateSelector & 3))
        {
            throw Fault(13, gateError);
        }

        if (!gate.IsPresent)
        {
            throw Fault(11, gateError);
        }

        int selector = (ushort)(gate.Low >> 16);
        ulong target = (gate.Low & 0xFFFF) | ((gate.Low >> 32) & 0xFFFF_0000);
        int size = isLong ? 8 : gate.Type == 12 ? 4 : 2;
        if (isLong)
        {
            Descriptor whole = ReadDescriptor(gateSelector, 13, isWide: true);
            if (HasUpperType(whole))
            {
                throw Fault(13, gateError);
            }

            target |= whole.High << 32;
        }
        else if (size == 2)
        {
            target &= 0xFFFF;
        }

        uint error = (uint)selector & 0xFFFC;
        if (error == 0)
        {
            throw Fault(13, 0);
        }

        Descriptor d = ReadDescriptor(selector);
        if (!d.IsCode || d.Dpl > _cpl || (isLong && (d.Flags & (FlagLong | FlagBig)) != FlagLong)
            || (!isCall && !d.IsConforming && d.Dpl != _cpl))
        {
            throw Fault(13, error);
        }

        if (!d.IsPresent)
        {
            throw Fault(11, error);
        }

        CheckTarget(target, d);
        int cpl = d.IsConforming ? _cpl : d.Dpl;
        if (isCall && cpl < _cpl)
        {
            CallInward(gate, cpl, size, next, isLong);
        }
        else if (isCall)
        {
            ProbeStack(2, size);
            Push(Segments[Seg.Cs].Selector, size);
            Push(next, size);
        }

        SetCodeSegment(selector, d, cpl);
        Jump(target);
    }

    private void CallInward(in Descriptor gate, int cpl, int size, ulong next, bool isLong)
    {
        SegmentRegister oldStack = Segments[Seg.Ss];
        ulong oldSp = R.Guest.Rsp;
        SegmentRegister stack;
        ulong sp;
        int parameters = isLong ? 0 : (int)(gate.Low >> 32) & 31;
        Span<ulong> copied = stackalloc ulong[32];
        for (int i = 0; i < parameters; i++)
        {
            copied[i] = Peek(i * size, size);
        }

        if (isLong)
        {
            stack = new SegmentRegister { Selector = (ushort)cpl, Access = (byte)(cpl << 5) };
            sp = LoadTss(4 + (cpl * 8), 8);
            RequireStack(sp, 4);
        }
        else
        {
            LoadInnerStack(cpl, out stack, out sp);
        }

        // The new stack is written with the new level's rights, and nothing else is changed until all of it is written.
        int oldCpl = _cpl;
        Segments[Seg.Ss] = stack;
        _cpl = cpl;
        _isImplicit = true;
        try
        {
            Slot(oldStack.Selector);
            Slot(oldSp);
            for (int i = parameters - 1; i >= 0; i--)
            {
                Slot(copied[i]);
            }

            Slot(Segments[Seg.Cs].Selector);
            Slot(next);
        }
        catch (Exception e) when (e is GuestFault or HostExit)
        {
            Segments[Seg.Ss] = oldStack;
            throw;
        }
        finally
        {
            _isImplicit = false;
            _cpl = oldCpl;
        }

        R.Guest.Rsp = isLong ? sp : stack.IsBig ? (uint)sp : (oldSp & ~0xFFFFUL) | (ushort)sp;

        void Slot(ulong value)
        {
            if (isLong)
            {
                sp -= 8;
                StoreSlow(sp, 8, value);
            }
            else
            {
                WriteStackSlot(ref sp, size, value);
            }
        }
    }

    private void FarReturn(in Op op)
    {
        int size = op.Size;
        ulong rip = Peek(0, size);
        int selector = (ushort)Peek(size, size);
        ulong released = (ulong)(2 * size) + (ulong)op.Value;
        if (!IsProtected)
        {
            CheckRealTarget(rip);
            SetStack(R.Guest.Rsp + released);
            Segments[Seg.Cs].Selector = (ushort)selector;
            Segments[Seg.Cs].Base = (ulong)selector << 4;
            CodeChanged();
            Jump(rip & 0xFFFF_FFFF);
            return;
        }

        Descriptor d = CheckReturn(selector, rip);
        int rpl = selector & 3;
        if (rpl == _cpl)
        {
            SetStack(R.Guest.Rsp + released);
            SetCodeSegment(selector, d, _cpl);
            Jump(rip);
            return;
        }

        ulong newSp = Peek((int)released, size);
        int newSs = (ushort)Peek((int)released + size, size);
        ReturnOutward(selector, d, newSs, newSp, (ulong)op.Value);
        Jump(rip);
    }

    private Descriptor CheckReturn(int selector, ulong rip)
    {
        uint error = (uint)selector & 0xFFFC;
        if (error == 0)
        {
            throw Fault(13, 0);
        }

        Descriptor d = ReadDescriptor(selector);
        int rpl = selector & 3;
        if (!d.IsCode || rpl < _cpl || (d.IsConforming ? d.Dpl > rpl : d.Dpl != rpl)
            || (IsLongMode && (d.Flags & (FlagLong | FlagBig)) == (FlagLong | FlagBig)))
        {
            throw Fault(13, error);
        }

        if (!d.IsPresent)
        {
            throw Fault(11, error);
        }

        CheckTarget(rip, d);
        return d;
    }

    private void ReturnOutward(int selector, in Descriptor code, int ss, ulong sp, ulong released)
    {
        int cpl = selector & 3;
        SegmentRegister stack = CheckOuterStack(ss, cpl, (code.Flags & FlagLong) != 0);
        SetCodeSegment(selector, code, cpl);
        Segments[Seg.Ss] = stack;
        sp += released;
        R.Guest.Rsp = _bits == 64 ? sp : stack.IsBig ? (uint)sp : (R.Guest.Rsp & ~0xFFFFUL) | (ushort)sp;
        // What the outer level must not use goes.
        foreach (int index in (ReadOnlySpan<int>)[Seg.Es, Seg.Ds, Seg.Fs, Seg.Gs])
        {
            ref SegmentRegister s = ref Segments[index];
            bool isConforming = (s.Access & 0x1C) == 0x1C;
            if ((s.Access & AccessPresent) != 0 && !isConforming && s.Dpl < cpl)
            {
                s = new SegmentRegister { Base = _bits == 64 ? s.Base : 0 };
            }
        }
    }

    private SegmentRegister CheckOuterStack(int ss, int cpl, bool toLong) =>
        (ss & 0xFFFC) == 0 && IsLongMode && toLong && cpl != 3 && (ss & 3) == cpl
            ? new SegmentRegister { Selector = (ushort)ss, Access = (byte)(cpl << 5) }
            : ReadStackSegment(ss, cpl, 13);

    private void InterruptReturn(in Op op)
    {
        int size = op.Size;
        if (IsProtected && (R.Guest.Rflags & Flag.NestedTask) != 0)
        {
            if (IsLongMode)
            {
                throw Fault(13, 0);
            }

            _isNmiBlocked = false;
            ReturnToTask(op);
            return;
        }

        ulong rip = Peek(0, size);
        int selector = (ushort)Peek(size, size);
        ulong flags = Peek(2 * size, size);
        _isNmiBlocked = false;
        if (!IsProtected)
        {
            CheckRealTarget(rip);
            SetStack(R.Guest.Rsp + (ulong)(3 * size));
            Segments[Seg.Cs].Selector = (ushort)selector;
            Segments[Seg.Cs].Base = (ulong)selector << 4;
            CodeChanged();
            SetReturnFlags(flags, size, 0);
            Jump(rip & 0xFFFF_FFFF);
            return;
        }

        Descriptor d = CheckReturn(selector, rip);
        int rpl = selector & 3;
        int oldCpl = _cpl;
        // 64-bit code always takes SS and RSP.
        if (rpl != _cpl || _bits == 64)
        {
            ulong sp = Peek(3 * size, size);
            int ss = (ushort)Peek(4 * size, size);
            ReturnOutward(selector, d, ss, sp, 0);
        }
        else
        {
            SetStack(R.Guest.Rsp + (ulong)(3 * size));
            SetCodeSegment(selector, d, _cpl);
        }

        SetReturnFlags(flags, size, oldCpl);
        Jump(rip);
    }

    // With the rights of the level that executed IRET.
    private void SetReturnFlags(ulong value, int size, int cpl)
    {
        ulong writable = Flag.Writable;
        if (IsProtected && cpl > 0)
        {
            writable &= ~Flag.IoLevel;
            if (cpl > (int)((R.Guest.Rflags >> 12) & 3))
            {
                writable &= ~Flag.Interrupt;
            }
        }

        if (size == 2)
        {
            writable &= 0xFFFF;
        }

        Rflags = (Rflags & ~writable) | (value & writable) | 2;
        _keepResume = (R.Guest.Rflags & Flag.Resume) != 0;
    }
}
