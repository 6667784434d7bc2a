using Hyperpatch.Engine.Accelerators.Kvm.Native;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Memory;
using Hyperpatch.Engine.Vendors;

namespace Hyperpatch.Engine.Accelerators.Kvm;

/// <summary>
/// #UD interception from userspace. KVM has no exception bitmap for us, so an execution breakpoint (DR0) sits on the first
/// instruction of the guest's own #UD handler. When it fires, #UD has been delivered and nothing of the handler has run: the
/// frame on the guest's stack tells the state before, which is put back (delivery undone), or left (that is the injection).
/// </summary>
internal sealed unsafe partial class KvmProcessor
{
    private const ulong RflagsTrap = 1 << 8;
    private const ulong RflagsInterrupt = 1 << 9;
    private const ulong RflagsResume = 1 << 16;
    private const ulong Dr6SingleStep = 1 << 14;
    private const byte HaltOpcode = 0xF4;
    private const ulong Dr7Enable0 = 2; // G0; type and length bits 0: instruction execution
    private const int InvalidOpcodeVector = 6;
    private const int GeneralProtectionVector = 13;
    private ExceptionGate _gate = new(InvalidOpcodeVector);
    private ExceptionGate _protectionGate = new(GeneralProtectionVector);
    private FaultKind _fault;
    private GuestRegisters _delivered;
    private KvmSregs _deliveredSregs;
    private bool _sregsUndone;
    private ulong _expectedFrameRip;
    private bool _expectHandler;
    private bool _isArmed;
    private bool _wasStepping;
    private int _armedSites;
    private bool _hasEntered;
    private bool _stepOver;
    private bool _isSteppingOver;
    private bool _blockInterrupts;
    private ulong _beforeStepRip;
    private ulong _beforeStepRsp;
    private bool _wasOwnStep;
    private ushort _beforeStepCs;
    private ushort _beforeStepSs;

    public void CompleteInstruction(int length)
    {
        bool wasWatched = _fault == FaultKind.Ahead && _partition.Level == InterceptionLevel.Native;
        _fault = FaultKind.None;
        ForgetPass();
        ulong rip = _run->Registers.Rip + (ulong)length;
        _run->Registers.Rip = CodeBits switch
        {
            64 => rip,
            32 => (uint)rip,
            _ => (ushort)rip,
        };
        bool trap = (_run->Registers.Rflags & RflagsTrap) != 0 && !IsHostStepping;
        _run->Registers.Rflags &= ~RflagsResume;
        RegistersChanged();
        if (trap)
        {
            _vcpu.GetDebugRegs(out KvmDebugRegs debug);
            debug.Dr6 |= Dr6SingleStep;
            _vcpu.SetDebugRegs(debug);
            InjectException(1, 0, hasErrorCode: false);
        }
        else if (_partition.Level == InterceptionLevel.Step && _run->Events.InterruptShadow != 0)
        {
            SetShadow(0);
        }
        else if (wasWatched)
        {
            // A breakpoint at the site leaves the shadow of an STI before it; events do not come with each exit at this level.
            _vcpu.GetEvents(out KvmVcpuEvents events);
            if (events.InterruptShadow != 0)
            {
                SetShadow(0);
            }
        }
    }

    public void InjectInvalidOpcode()
    {
        ForgetPass();
        if (_fault == FaultKind.Delivered)
        {
            // The guest's handler is entered already. Its first instruction has our breakpoint, which RF would let pass on some hosts
            // only, so it is stepped over with the breakpoint off.
            _run->Registers = _delivered;
            if (_sregsUndone)
            {
                _run->Sregs = _deliveredSregs;
                _run->DirtyRegs |= KvmFlags.SyncSregs;
            }

            _stepOver = true;
            RegistersChanged();
        }
        else
        {
            // It is delivered at the next entry, and the breakpoint then fires for what is dealt with already.
            _expectedFrameRip = _run->Registers.Rip;
            _expectHandler = true;
            InjectException(InvalidOpcodeVector, 0, hasErrorCode: false);
        }

        _fault = FaultKind.None;
    }

    // At level native, DR1 watches a site. A handler shared with #UD would be mistaken for it.
    private bool IsWatchingProtection => _partition.Level != InterceptionLevel.Native && _protectionGate.IsPresent
        && _protectionGate.FrameWidth != 2 && (!_gate.IsPresent || _protectionGate.Handler != _gate.Handler);

    private bool IsAtHandler
    {
        get
        {
            ulong linear = CodeBase + _run->Registers.Rip;
            return _partition.WatchedSites.Contains(linear) || (_gate.IsPresent && linear == _gate.Handler) || (IsWatchingProtection && linear == _protectionGate.Handler);
        }
    }

    private bool IsHostStepping => IsStepping || _partition.Level == InterceptionLevel.Step;

    private void InjectException(byte vector, uint errorCode, bool hasErrorCode)
    {
        _fault = FaultKind.None;
        ForgetPass();
        _vcpu.GetEvents(out KvmVcpuEvents events);
        events.ExceptionInjected = 1;
        events.ExceptionNumber = vector;
        events.ExceptionHasErrorCode = hasErrorCode ? (byte)1 : (byte)0;
        events.ExceptionErrorCode = errorCode;
        events.ExceptionPending = 0;
        events.Flags = 0;
        _run->Events = events;
        // Registers first: KVM applies them in this order, and a write of registers drops a pending exception.
        _run->DirtyRegs |= KvmFlags.SyncRegs | KvmFlags.SyncEvents;
    }

    // An undone #UD that is neither completed nor injected is executed again. What was lost with the delivery is the shadow of
    // an STI or MOV SS just before: a pending interrupt would come between the two. The instruction before tells.
    private void LeaveFault()
    {
        if (_fault == FaultKind.Delivered)
        {
            byte shadow = ShadowOfInstructionBefore();
            if (shadow != 0)
            {
                SetShadow(shadow);
            }

            RegistersChanged();
        }
        else if (_fault == FaultKind.Ahead)
        {
            _run->Registers.Rflags |= RflagsResume;
            RegistersChanged();
        }

        _fault = FaultKind.None;
    }

    private byte ShadowOfInstructionBefore()
    {
        ulong linear = CodeBase + _run->Registers.Rip;
        Span<byte> before = stackalloc byte[2];
        GetPaging(out PagingState paging);
        if (LinearMemory.Read(_memory, paging, linear - 2, before) != 2)
        {
            return 0;
        }

        bool isSti = before[1] == 0xFB && (_run->Registers.Rflags & RflagsInterrupt) != 0;
        bool isMovSs = (before[0] == 0x8E && (before[1] & 0xF8) == 0xD0) || (before[1] == 0x17 && CodeBits != 64);
        // If the bytes were something else's tail, one instruction runs with interrupts held off: no guest can tell.
        return isSti ? KvmFlags.ShadowSti : isMovSs ? KvmFlags.ShadowMovSs : (byte)0;
    }

    private void SetShadow(byte shadow)
    {
        if ((_run->DirtyRegs & KvmFlags.SyncEvents) == 0)
        {
            _vcpu.GetEvents(out KvmVcpuEvents events);
            _run->Events = events;
        }

        _run->Events.InterruptShadow = shadow;
        _run->Events.Flags = KvmFlags.EventsValidShadow;
        _run->DirtyRegs |= KvmFlags.SyncEvents;
    }

    // Puts the breakpoint where the guest's handler is now. A guest may change IDTR or the gate at any time between two exits.
    private void Arm()
    {
        GetPaging(out PagingState paging);
        bool changed = _gate.Update(_memory, paging, _run->Sregs);
        if (_partition.Level != InterceptionLevel.Native)
        {
            changed |= _protectionGate.Update(_memory, paging, _run->Sregs);
        }

        bool stepping = IsHostStepping;
        ReadOnlySpan<ulong> sites = ArmedSites;
        if (_isSteppingOver)
        {
            // Called back before it was done: once more, if the instruction is still ahead.
            _isSteppingOver = false;
            _isArmed = false;
            _stepOver = IsAtHandler;
        }

        // While stepping, TF is gone after each #UD: the kernel sets it again only when asked to.
        if (!changed && _isArmed && !stepping && !_wasStepping && !_stepOver && !_isPassing && !_breakpointsChanged && sites.Length == _armedSites)
        {
            return;
        }

        if (_stepOver)
        {
            _stepOver = false;
            _isSteppingOver = true;
            _isArmed = false;
            _vcpu.SetGuestDebug(new KvmGuestDebug
            {
                // Without interrupts: one that came now would push the host's TF onto the guest's stack.
                Control = KvmFlags.GuestDebugEnable | KvmFlags.GuestDebugSingleStep | _partition.BlockIrq,
            });
            return;
        }

        KvmGuestDebug debug = new()
        {
            Control = KvmFlags.GuestDebugEnable | KvmFlags.GuestDebugUseHwBp | (stepping || _isPassing ? KvmFlags.GuestDebugSingleStep : 0)
                | (_blockInterrupts || _isPassing ? _partition.BlockIrq : 0),
        };
        if (_gate.IsPresent)
        {
            debug.DebugRegisters[0] = _gate.Handler;
            debug.DebugRegisters[7] |= Dr7Enable0;
        }

        if (IsWatchingProtection)
        {
            debug.DebugRegisters[1] = _protectionGate.Handler;
            debug.DebugRegisters[7] |= Dr7Enable0 << 2;
        }

        for (int i = 0; i < sites.Length; i++)
        {
            debug.DebugRegisters[i + 1] = sites[i];
            debug.DebugRegisters[7] |= Dr7Enable0 << ((i + 1) * 2);
        }

        for (int i = 0; i < _breakpointCount; i++)
        {
            int register = LastDebugRegister - i;
            if (!_isPassing || _breakpoints[i] != _passed)
            {
                debug.DebugRegisters[register] = _breakpoints[i];
                debug.DebugRegisters[7] |= Dr7Enable0 << (register * 2);
            }
        }

        _vcpu.SetGuestDebug(debug);
        _isArmed = true;
        _wasStepping = stepping || _isPassing;
        _breakpointsChanged = false;
        _armedSites = sites.Length;
    }

    private bool OnDebug(ref VmExit exit)
    {
        // DR6.B0 is not always set: the address decides.
        ulong pc = _run->DebugPc;
        bool steppedOver = _isSteppingOver;
        _isSteppingOver = false;
        if (steppedOver)
        {
            _expectHandler = false;
            exit.Reason = ExitReason.Debug;
            return IsStepping;
        }

        if (_gate.IsPresent && pc == _gate.Handler)
        {
            return OnUndefinedOpcode(ref exit);
        }

        if (IsWatchingProtection && pc == _protectionGate.Handler)
        {
            return OnGeneralProtection(ref exit);
        }

        if (!IsStepping && Breakpoints.Contains(pc) && !(_isPassing && _hasPass))
        {
            return OnBreakpoint(ref exit);
        }

        if (_partition.WatchedSites.Contains(pc))
        {
            if (!IsHypercallAtRip())
            {
                // The guest has put other code there, or another address space has it at that address.
                return PassHandler();
            }

            exit.Reason = ExitReason.InvalidOpcode;
            _fault = FaultKind.Ahead;
            return true;
        }

        exit.Reason = ExitReason.Debug;
        exit.Value = _run->DebugDr6;
        if (_isPassing && !IsHostStepping)
        {
            return OnPassed();
        }

        const ulong AnyBreakpoint = 0xF; // B0 to B3
        if (!IsHostStepping && (_run->DebugDr6 & AnyBreakpoint) != 0)
        {
            return PassHandler();
        }

        if (!IsHostStepping)
        {
            // None of ours: the guest single-steps itself, or has executed ICEBP. While breakpoints are ours, hardware back ends bring
            // every #DB here first.
            ReflectDebug();
            return true;
        }

        // A step that only the level asked for is nobody's business: look at the next instruction and go on.
        return IsStepping || _partition.Level != InterceptionLevel.Step;
    }

    private void ReflectDebug()
    {
        const ulong Causes = 0xE00F; // B0 to B3, BD, BS, BT
        _vcpu.GetDebugRegs(out KvmDebugRegs debug);
        debug.Dr6 = (debug.Dr6 & ~Causes) | (_run->DebugDr6 & Causes);
        _vcpu.SetDebugRegs(debug);
        InjectException(1, 0, hasErrorCode: false);
    }

    private bool IsHypercallAtRip()
    {
        GetPaging(out PagingState paging);
        Span<byte> bytes = stackalloc byte[CpuVendor.MaximumInstructionLength];
        int got = LinearMemory.Fetch(_memory, paging, CodeBase + _run->Registers.Rip, bytes, out _);
        return CpuVendor.FindHypercall(bytes[..got], CodeBits == 64, out _) is not null;
    }

    private bool OnUndefinedOpcode(ref VmExit exit)
    {
        GetPaging(out PagingState paging);
        if (!ExceptionFrame.TryRead(
            _memory, paging, _run->Registers, _run->Sregs, _gate.FrameWidth, hasErrorCode: false, out ExceptionFrame frame))
        {
            return PassHandler();
        }

        if (IsHostStepping || (_isPassing && !_wasOwnStep))
        {
            frame.ClearTrapFlag(_memory, paging);
        }

        bool isExpected = _expectHandler && frame.Rip == _expectedFrameRip;
        _expectHandler = false;
        if (isExpected)
        {
            return PassHandler();
        }

        _delivered = _run->Registers;
        if (!UndoSegments(paging, frame))
        {
            return PassHandler();
        }

        _run->Registers.Rip = frame.Rip;
        _run->Registers.Rflags = frame.Rflags;
        _run->Registers.Rsp = frame.Rsp;
        RegistersChanged();
        _fault = FaultKind.Delivered;
        exit.Reason = ExitReason.InvalidOpcode;
        return true;
    }

    // On hosts that run CPL 3 on the bare processor and only emulate CPL 0, a hypercall of CPL 3 ends in #GP(0) instead of #UD. Then that
    // delivery is undone, and the instruction treated as if it had not been executed yet. Every other #GP is the guest's.
    private bool OnGeneralProtection(ref VmExit exit)
    {
        GetPaging(out PagingState paging);
        if (!ExceptionFrame.TryRead(
                _memory, paging, _run->Registers, _run->Sregs, _protectionGate.FrameWidth, hasErrorCode: true, out ExceptionFrame frame)
            || frame.ErrorCode != 0 || (frame.Cs & 3) != 3)
        {
            return PassHandler();
        }

        _delivered = _run->Registers;
        if (!UndoSegments(paging, frame))
        {
            return PassHandler();
        }

        _run->Registers.Rip = frame.Rip;
        _run->Registers.Rflags = frame.Rflags;
        _run->Registers.Rsp = frame.Rsp;
        if (!IsHypercallAtRip())
        {
            _run->Registers = _delivered;
            if (_sregsUndone)
            {
                _run->Sregs = _deliveredSregs;
            }

            return PassHandler();
        }

        RegistersChanged();
        exit.Reason = ExitReason.InvalidOpcode;
        _fault = FaultKind.Ahead;
        return true;
    }

    // Lets the guest's handler run, whoever sent it there.
    private bool PassHandler()
    {
        // It got there from the instruction that was being stepped over, which is done with that.
        _hasPass &= !_isPassing || _passed == LinearRip;
        _stepOver = true;
        return false;
    }

    private bool UndoSegments(in PagingState paging, in ExceptionFrame frame)
    {
        _sregsUndone = false;
        ref KvmSregs sregs = ref _run->Sregs;
        if (frame.Cs == sregs.Cs.Selector && frame.Ss == sregs.Ss.Selector)
        {
            return true;
        }

        _deliveredSregs = sregs;
        if ((sregs.Cr0 & PagingState.Cr0Pe) == 0)
        {
            sregs.Cs.Selector = frame.Cs;
            sregs.Cs.Base = (ulong)frame.Cs << 4;
        }
        else
        {
            if (!KvmSegments.TryLoad(_memory, paging, _deliveredSregs, frame.Cs, out KvmSegment code)
                || !KvmSegments.TryLoad(_memory, paging, _deliveredSregs, frame.Ss, out KvmSegment stack))
            {
                return false;
            }

            sregs.Cs = code;
            if (frame.Ss != _deliveredSregs.Ss.Selector)
            {
                sregs.Ss = stack;
            }

            // KVM takes the privilege level from SS.DPL.
            sregs.Ss.Dpl = (byte)(frame.Cs & 3);
        }

        _run->DirtyRegs |= KvmFlags.SyncSregs;
        _sregsUndone = true;
        return true;
    }

    // Level step: there is no exit between two hypercalls in a row, nor before the first instruction, so RIP is looked at before
    // every entry. Both forms are taken here, before the guest executes them. True: there is an exit, the guest is not entered.
    private bool LookAhead(ref VmExit exit)
    {
        if (_expectHandler || (_hasEntered && _vcpu.GetMpState() != KvmFlags.MpRunnable))
        {
            return false;
        }

        if ((_run->DirtyRegs & KvmFlags.SyncEvents) != 0 && _run->Events.ExceptionInjected != 0)
        {
            return false;
        }

        GetPaging(out PagingState paging);
        Span<byte> bytes = stackalloc byte[CpuVendor.MaximumInstructionLength];
        int got = LinearMemory.Fetch(_memory, paging, CodeBase + _run->Registers.Rip, bytes, out _);
        if (got > 0 && bytes[0] == HaltOpcode && Cpl == 0)
        {
            ForgetPass();
            _isPassing = false;
            Halt();
            exit.Reason = ExitReason.Debug;
            return IsStepping;
        }

        if (_partition.Level != InterceptionLevel.Step || CpuVendor.FindHypercall(bytes[..got], CodeBits == 64, out _) is null)
        {
            return false;
        }

        exit.Reason = ExitReason.InvalidOpcode;
        _fault = FaultKind.Ahead;
        return true;
    }

    // One step asked for by a person: interrupts wait, unless the processor is in HLT, which only an interrupt ends.
    private void BeginStep() =>
        _blockInterrupts = _partition.BlockIrq != 0 && (!_hasEntered || _vcpu.GetMpState() == KvmFlags.MpRunnable);

    private void EndStep() => _blockInterrupts = false;

    private void RememberFrame()
    {
        _beforeStepRip = _run->Registers.Rip;
        _beforeStepRsp = _run->Registers.Rsp;
        _beforeStepCs = _run->Sregs.Cs.Selector;
        _beforeStepSs = _run->Sregs.Ss.Selector;
        _wasOwnStep = (_run->Registers.Rflags & RflagsTrap) != 0;
    }

    // An exception or interrupt delivered while the host steps has pushed the TF that the host set: the guest's IRET would bring it back,
    // at the latest when nobody steps any more, and take a #DB. The frame is found by what it must hold, at the stack pointer or a little
    // above, as the handler's first instruction may have run.
    private void CleanFrame()
    {
        _interruptedPass = false;
        if (_wasOwnStep || (_run->Registers.Rsp == _beforeStepRsp && _run->Sregs.Cs.Selector == _beforeStepCs))
        {
            return;
        }

        const int Slots = 64;
        const ulong FixedFlags = 0x802A; // of these, only bit 1 is ever set
        GetPaging(out PagingState paging);
        int width = paging.IsLongMode ? 8 : CodeBits / 8;
        Span<byte> stack = stackalloc byte[Slots * 8];
        ulong top = width == 8 ? _run->Registers.Rsp : (uint)(_run->Sregs.Ss.Base + _run->Registers.Rsp);
        int got = LinearMemory.Read(_memory, paging, top, stack[..(Slots * width)]) / width;
        int frame = width == 8 ? 5 : 3;
        for (int i = 0; i + frame <= got; i++)
        {
            ulong flags = ExceptionFrame.Slot(stack, i + 2, width);
            if (ExceptionFrame.Slot(stack, i, width) - _beforeStepRip <= CpuVendor.MaximumInstructionLength
                && (ushort)ExceptionFrame.Slot(stack, i + 1, width) == _beforeStepCs
                && (flags & RflagsTrap) != 0 && (flags & FixedFlags) == 2
                && (width != 8 || ExceptionFrame.Slot(stack, i + 4, width) == _beforeStepSs))
            {
                // Faults push RF, interrupts do not.
                _interruptedPass = ExceptionFrame.Slot(stack, i, width) == _beforeStepRip && (flags & RflagsResume) == 0;
                new ExceptionFrame { RflagsAddress = top + (ulong)((i + 2) * width) }.ClearTrapFlag(_memory, paging);
                return;
            }
        }
    }

    // A single-stepped HLT does not halt where the kernel's emulator executes it: the debug exit comes first and the halt is lost. So
    // it is carried out here: behind the instruction, in the state that the kernel waits in.
    private void Halt()
    {
        _run->Registers.Rip++;
        RegistersChanged();
        if (_partition.Level == InterceptionLevel.Step)
        {
            SetShadow(0);
        }

        _vcpu.SetMpState(KvmFlags.MpHalted);
        _hasEntered = true;
    }
}
