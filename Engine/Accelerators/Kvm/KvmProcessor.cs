using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Hyperpatch.Engine.Accelerators.Kvm.Descriptors;
using Hyperpatch.Engine.Accelerators.Kvm.Native;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Memory;
using Iced.Intel;

namespace Hyperpatch.Engine.Accelerators.Kvm;

/// <summary>A vCPU: enters the guest and turns the kernel's exits into the contract's. This part: the loop and the exits.</summary>
internal sealed unsafe partial class KvmProcessor : IProcessor, ISingleStep, IBreakpoints
{
    private const uint EmulationFailure = 1; // KVM_INTERNAL_ERROR_EMULATION
    private readonly KvmPartition _partition;
    private readonly GuestMemory _memory;
    private readonly KvmVcpu _vcpu;
    private readonly ImmutableArray<uint> _stateMsrs;
    private readonly Lock _kickLock = new();
    private readonly KvmRun* _run;
    private int _threadId;
    private bool _disposed;
    private bool _isPending;
    private bool _isMsrExit;

    public KvmProcessor(KvmPartition partition, KvmVcpu vcpu, int index, ImmutableArray<uint> stateMsrs)
    {
        _partition = partition;
        _memory = partition.Memory;
        _vcpu = vcpu;
        _stateMsrs = stateMsrs;
        _run = vcpu.Page;
        Index = index;
        // Control registers come with each exit, for less than one ioctl would cost; events only where single-stepping needs them.
        _run->ValidRegs = KvmFlags.SyncRegs | KvmFlags.SyncSregs
            | (partition.Level == InterceptionLevel.Step ? KvmFlags.SyncEvents : 0);
    }

    public int Index { get; }

    public ref GuestRegisters Registers => ref _run->Registers;

    public ulong CodeBase => IsLongCode ? 0 : _run->Sregs.Cs.Base;

    public int CodeBits => IsLongCode ? 64 : _run->Sregs.Cs.Db != 0 ? 32 : 16;

    public int Cpl => _run->Sregs.Ss.Dpl;

    public bool IsStepping { get; set; }

    public string FailureText { get; private set; } = string.Empty;

    public Span<byte> ExitData => _run->ExitReason switch
    {
        // Safe: the kernel states an offset inside the vCPU's own mapping, and no more than one page of data.
        KvmExit.Io => new Span<byte>((byte*)_run + _run->IoDataOffset, (int)(_run->IoSize * _run->IoCount)),
        KvmExit.Mmio => new Span<byte>(&_run->MmioData, (int)Math.Min(_run->MmioLength, 8)),
        _ => [],
    };

    private bool IsLongCode => _run->Sregs.Cs.L != 0 && (_run->Sregs.Efer & PagingState.EferLma) != 0;

    public void BindToCurrentThread()
    {
        _vcpu.SetSignalMask(KickSignal.Block());
        lock (_kickLock)
        {
            _threadId = Libc.GetTid();
        }
    }

    public void Run(ref VmExit exit)
    {
        LeaveFault();
        if (!IsStepping)
        {
            RunToExit(ref exit);
            return;
        }

        BeginStep();
        RunToExit(ref exit);
        EndStep();
    }

    private void RunToExit(ref VmExit exit)
    {
        for (;;)
        {
            if (IsAtBreakpoint(ref exit))
            {
                return;
            }

            bool isStep = BeginPass() || IsHostStepping;
            if (isStep && LookAhead(ref exit))
            {
                return;
            }

            Arm();
            _isPending = false;
            _isMsrExit = false;
            if (isStep)
            {
                RememberFrame();
            }

            int errno = _vcpu.Run();
            _hasEntered = true;
            if (isStep)
            {
                CleanFrame();
                EndPass(errno == 0 && _run->ExitReason == KvmExit.Debug);
            }

            if (errno != 0)
            {
                OnError(errno, ref exit);
                return;
            }

            if (TakeExit(ref exit))
            {
                return;
            }
        }
    }

    public bool CompletePending(ref VmExit exit)
    {
        if (!_isPending)
        {
            return false;
        }

        // With immediate_exit the kernel finishes the access, and comes back before the next instruction.
        _run->ImmediateExit = 1;
        _isPending = false;
        _isMsrExit = false;
        int errno = _vcpu.Run();
        if (errno is Libc.Eintr or Libc.Eagain)
        {
            KickSignal.Drain();
            return false;
        }

        if (errno != 0)
        {
            OnError(errno, ref exit);
            return true;
        }

        EndPass(_run->ExitReason == KvmExit.Debug);
        return TakeExit(ref exit);
    }

    public void Kick()
    {
        lock (_kickLock)
        {
            if (_disposed)
            {
                return;
            }

            Volatile.Write(ref _run->ImmediateExit, 1);
            if (_threadId != 0)
            {
                Libc.TgKill(_threadId, KickSignal.Number);
            }
        }
    }

    public void ClearKick()
    {
        // A full fence: the caller's read of what was asked for must not move before this write.
        Volatile.Write(ref _run->ImmediateExit, 0);
        Interlocked.MemoryBarrier();
    }

    public void RegistersChanged() => _run->DirtyRegs |= KvmFlags.SyncRegs;

    public void GetPaging(out PagingState state)
    {
        state = new PagingState
        {
            Cr0 = _run->Sregs.Cr0,
            Cr3 = _run->Sregs.Cr3,
            Cr4 = _run->Sregs.Cr4,
            Efer = _run->Sregs.Efer,
            Rflags = _run->Registers.Rflags,
            Cpl = _run->Sregs.Ss.Dpl,
        };
    }

    public void InjectGeneralProtection()
    {
        if (_isMsrExit)
        {
            ForgetPass();
            _run->MsrError = 1;
            return;
        }

        InjectException(13, 0, hasErrorCode: true);
    }

    public void InjectPageFault(PageFault fault)
    {
        _run->Sregs.Cr2 = fault.Address;
        _run->DirtyRegs |= KvmFlags.SyncSregs;
        InjectException(14, fault.ErrorCode, hasErrorCode: true);
    }

    public ProcessorActivity GetActivity()
    {
        switch (_vcpu.GetMpState())
        {
            case KvmFlags.MpHalted:
                _partition.ForgetKick(Index);
                return (_run->Registers.Rflags & RflagsInterrupt) != 0 ? ProcessorActivity.Halted : ProcessorActivity.HaltedForGood;
            case KvmFlags.MpUninitialized or KvmFlags.MpInitReceived:
                return ProcessorActivity.WaitingForStartup;
            default:
                return ProcessorActivity.Runnable;
        }
    }

    public void Dispose()
    {
        lock (_kickLock)
        {
            if (_disposed)
            {
                return;
            }

            // Under the lock: a kick after this would write to an unmapped page, or signal a thread that is gone.
            _disposed = true;
            _threadId = 0;
            _vcpu.Dispose();
        }
    }

    // Returns false when the guest is to be entered again without telling anyone.
    private bool TakeExit(ref VmExit exit)
    {
        // A delivery that was to come did not: the guest faulted on the way to its handler.
        _expectHandler &= _run->ExitReason == KvmExit.Debug;
        switch (_run->ExitReason)
        {
            case KvmExit.Io:
                exit.Reason = ExitReason.PortIo;
                exit.IsWrite = _run->IoDirection == KvmFlags.IoOut;
                exit.Size = _run->IoSize;
                exit.Port = _run->IoPort;
                exit.Count = _run->IoCount;
                _isPending = true;
                return true;
            case KvmExit.Mmio:
                exit.Reason = ExitReason.Mmio;
                exit.IsWrite = _run->MmioIsWrite != 0;
                exit.Size = (byte)_run->MmioLength;
                exit.Address = _run->MmioAddress;
                _isPending = true;
                return true;
            case KvmExit.Debug:
                return OnDebug(ref exit);
            case KvmExit.X86RdMsr:
            case KvmExit.X86WrMsr:
                exit.Reason = _run->ExitReason == KvmExit.X86RdMsr ? ExitReason.MsrRead : ExitReason.MsrWrite;
                exit.Address = _run->MsrIndex;
                exit.Value = _run->MsrData;
                _run->MsrError = 0;
                _isPending = true;
                _isMsrExit = true;
                return true;
            case KvmExit.Xen:
                FinishXenExit();
                exit.Reason = ExitReason.Hypercall;
                _fault = FaultKind.Ahead;
                return true;
            case KvmExit.InternalError when _run->InternalSuberror == EmulationFailure && IsUndefinedAtRip():
                // The kernel's emulator came upon an instruction that is undefined, and asks us before it raises #UD at CPL 0. It is
                // right: let it.
                RaiseUndefinedOpcode();
                return false;
            case KvmExit.Hlt:
                exit.Reason = ExitReason.Halt;
                return true;
            case KvmExit.Shutdown:
                exit.Reason = ExitReason.Shutdown;
                return true;
            case KvmExit.IrqWindowOpen:
            case KvmExit.Intr:
                exit.Reason = ExitReason.Interrupted;
                return true;
            default:
                OnFailure(ref exit);
                return true;
        }
    }

    // The kernel wants to complete this exit itself: RAX from its result, RIP behind the instruction, unless RIP is another by then. So
    // it gets another RIP, is let complete (nothing), and the state is put back: the instruction then has simply not been executed yet,
    // and may be served, patched or refused like any other.
    private void FinishXenExit()
    {
        GuestRegisters registers = _run->Registers;
        _run->Registers.Rip = ~registers.Rip >> 17;
        RegistersChanged();
        _run->ImmediateExit = 1;
        _ = _vcpu.Run();
        KickSignal.Drain();
        _run->Registers = registers;
        RegistersChanged();
    }

    private void OnError(int errno, ref VmExit exit)
    {
        if (errno is Libc.Eintr or Libc.Eagain)
        {
            KickSignal.Drain();
            exit.Reason = ExitReason.Interrupted;
            return;
        }

        exit.Reason = ExitReason.Failure;
        exit.Address = (uint)errno;
        exit.Value = 0;
        FailureText = $"KVM_RUN failed: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno}).";
    }

    private void OnFailure(ref VmExit exit)
    {
        exit.Reason = ExitReason.Failure;
        exit.Address = _run->ExitReason;
        exit.Value = _run->FailEntryReason;
        FailureText = _run->ExitReason switch
        {
            KvmExit.InternalError when _run->InternalSuberror == EmulationFailure =>
                $"This host's KVM cannot emulate the instruction at RIP 0x{_run->Registers.Rip:X} ({BytesAtRip()}; KVM_EXIT_INTERNAL_ERROR, emulation failure).",
            KvmExit.InternalError => $"KVM reports an internal error, suberror {_run->InternalSuberror} (KVM_EXIT_INTERNAL_ERROR).",
            KvmExit.FailEntry => $"The processor refused the guest's state, hardware reason 0x{_run->FailEntryReason:X} (KVM_EXIT_FAIL_ENTRY).",
            KvmExit.SystemEvent => $"The guest asked for a system event of type {_run->SystemEventType} (KVM_EXIT_SYSTEM_EVENT).",
            _ => $"KVM came back with exit reason {_run->ExitReason}, which Hyperpatch does not ask for.",
        };
    }

    private bool IsUndefinedAtRip()
    {
        GetPaging(out PagingState paging);
        byte[] bytes = new byte[15];
        int got = LinearMemory.Fetch(_memory, paging, CodeBase + _run->Registers.Rip, bytes, out _);
        Decoder decoder = Decoder.Create(CodeBits, new ByteArrayCodeReader(bytes, 0, got));
        decoder.Decode(out Instruction instruction);
        return instruction.Code switch
        {
            Code.INVALID => decoder.LastError == DecoderError.InvalidInstruction,
            Code.Ud0 or Code.Ud0_r16_rm16 or Code.Ud0_r32_rm32 or Code.Ud0_r64_rm64 => true,
            Code.Ud1_r16_rm16 or Code.Ud1_r32_rm32 or Code.Ud1_r64_rm64 or Code.Ud2 => true,
            // No guest is told of VMX, SVM or ENCLV (Iced: OSS): for it their instructions do not exist.
            Code code => code.CpuidFeatures().Any(feature => feature is CpuidFeature.VMX or CpuidFeature.SVM or CpuidFeature.OSS),
        };
    }

    private void RaiseUndefinedOpcode()
    {
        _vcpu.GetEvents(out KvmVcpuEvents events);
        if (events.ExceptionInjected == 0 && events.ExceptionPending == 0)
        {
            InjectException(6, 0, hasErrorCode: false);
        }
    }

    private string BytesAtRip()
    {
        GetPaging(out PagingState paging);
        byte[] bytes = new byte[8];
        int got = LinearMemory.Fetch(_memory, paging, CodeBase + _run->Registers.Rip, bytes, out _);
        return got == 0 ? "not readable" : Convert.ToHexString(bytes, 0, got);
    }
}
