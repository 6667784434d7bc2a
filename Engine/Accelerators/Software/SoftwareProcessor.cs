using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Memory;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>The contract over a <see cref="Cpu"/>: exits, their completion, injection.</summary>
internal sealed partial class SoftwareProcessor(Cpu cpu, int index) : IProcessor, ISingleStep, IInstructionCount, IBreakpoints
{
    private bool _isMmio;

    public int Index => index;

    public ref GuestRegisters Registers => ref cpu.R.Guest;

    public Span<byte> ExitData => cpu.ExitReason switch
    {
        ExitReason.PortIo => cpu.PortData.AsSpan(0, (int)(cpu.PortSize * cpu.PortCount)),
        ExitReason.Mmio => cpu.MmioData.AsSpan(0, cpu.MmioSize),
        _ => [],
    };

    public ulong CodeBase => cpu.CodeBase;

    public int CodeBits => cpu.CodeBits;

    public long Instructions => cpu.Instructions;

    public int Cpl => cpu.Cpl;

    public string FailureText => cpu.FailureText;

    public bool IsStepping
    {
        get => cpu.IsStepping;
        set => cpu.IsStepping = value;
    }

    public int BreakpointCapacity => Cpu.MostBreakpoints;

    public void SetBreakpoints(ReadOnlySpan<ulong> addresses) => cpu.SetBreakpoints(addresses);

    public void BindToCurrentThread()
    {
    }

    public void Run(ref VmExit exit)
    {
        TakeAnswer();
        cpu.Run();
        Describe(ref exit);
    }

    public bool CompletePending(ref VmExit exit)
    {
        TakeAnswer();
        if (!cpu.IsPending)
        {
            return false;
        }

        if (!cpu.FinishInstruction())
        {
            return false;
        }

        Describe(ref exit);
        return true;
    }

    public void Kick() => cpu.Kick();

    public void ClearKick() => cpu.ClearKick();

    public void RegistersChanged()
    {
    }

    public void GetPaging(out PagingState state) => state = new PagingState
    {
        Cr0 = cpu.Cr0,
        Cr3 = cpu.Cr3,
        Cr4 = cpu.Cr4,
        Efer = cpu.Efer,
        Rflags = cpu.R.Guest.Rflags,
        Cpl = (byte)cpu.Cpl,
    };

    public void CompleteInstruction(int length) => cpu.Complete(length);

    public void InjectInvalidOpcode() => cpu.Inject(6, 0, hasError: false);

    public void InjectPageFault(PageFault fault)
    {
        cpu.Cr2 = fault.Address;
        cpu.Inject(14, fault.ErrorCode, hasError: true);
    }

    public void InjectGeneralProtection() => cpu.Inject(13, 0, hasError: true);

    public ProcessorActivity GetActivity() =>
        cpu.Apic.IsWaitingForStartup ? ProcessorActivity.WaitingForStartup
        : !cpu.IsHalted ? ProcessorActivity.Runnable
        : cpu.IsInterruptEnabled ? ProcessorActivity.Halted
        : ProcessorActivity.HaltedForGood;

    public ulong ReadTimestampCounter() => cpu.Timestamp;

    public void Dispose()
    {
    }

    // What the host has put into ExitData is the answer to what it was asked.
    private void TakeAnswer()
    {
        if (_isMmio)
        {
            _isMmio = false;
            cpu.HostAnswered();
        }
    }

    private void Describe(ref VmExit exit)
    {
        exit.Reason = cpu.ExitReason;
        exit.IsUnimplemented = cpu.ExitReason == ExitReason.InvalidOpcode && cpu.ExitValue != 0;
        switch (cpu.ExitReason)
        {
            case ExitReason.Hypercall:
                exit.InstructionLength = cpu.HypercallLength;
                exit.Address = cpu.ExitValue;
                break;
            case ExitReason.PortIo:
                exit.IsWrite = cpu.PortIsWrite;
                exit.Size = cpu.PortSize;
                exit.Port = cpu.PortNumber;
                exit.Count = cpu.PortCount;
                break;
            case ExitReason.Mmio:
                exit.IsWrite = cpu.MmioIsWrite;
                exit.Size = cpu.MmioSize;
                exit.Address = cpu.MmioAddress;
                _isMmio = true;
                break;
            case ExitReason.ControlRegister:
                exit.Address = (ulong)cpu.ControlNumber;
                exit.IsWrite = cpu.ControlIsWrite;
                exit.Value = cpu.ExitValue;
                break;
            case ExitReason.MsrRead or ExitReason.MsrWrite:
                exit.Address = (uint)cpu.R.Guest.Rcx;
                exit.Value = cpu.ExitValue;
                break;
            case ExitReason.Breakpoint:
                exit.Address = cpu.ExitValue;
                exit.Value = 0;
                break;
            default:
                exit.Address = 0;
                exit.Value = cpu.ExitValue;
                break;
        }
    }
}
