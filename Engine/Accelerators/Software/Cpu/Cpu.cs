using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Hyperpatch.Engine.Accelerators.Software.Apic;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Memory;
using Hyperpatch.Engine.Vendors;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>
/// The processor itself: registers, the loop over decoded blocks, and in its other parts (folders Mmu, Execute, System) everything that
/// instructions do. Knows nothing of the contract beyond <see cref="ExitReason"/>; <see cref="SoftwareProcessor"/> stands between.
/// </summary>
#pragma warning disable CA1001 // The event holds no kernel handle: nobody asks for one.
internal sealed partial class Cpu : IApicClock
#pragma warning restore CA1001
{
    private const int AttentionKick = 1;
    private const int AttentionApic = 2;
    private const int AttentionFlush = 4;
    private const int TimeCheckInterval = 20_000;

    // What an exit counts for there: a guest that does little else is to have its timer's interrupts as well.
    private const int ExitSpends = 1000;

    internal RegisterFile R;
    internal readonly SegmentRegister[] Segments = new SegmentRegister[6];
    internal SegmentRegister Tr;
    internal SegmentRegister Ldt;
    internal DescriptorTable Gdt;
    internal DescriptorTable Idt;
    internal ulong Cr0;
    internal ulong Cr2;
    internal ulong Cr3;
    internal ulong Cr4;
    internal ulong Efer;
    internal readonly ulong[] Dr = new ulong[8];
    internal readonly LocalApic Apic;

    private readonly GuestMemory _memory;
    private readonly CodePageMap _code;
    private readonly CpuVendor _vendor;
    private readonly SoftwarePartition _partition;
    private readonly BlockDecoder _decoder;
    private readonly GuestFault _fault = new();
    private readonly HostExit _hostExit = new();
    private readonly int _index;

    private int _cpl;
    private int _bits = 16;
    private int _attention;
    private int _isRunning;
    private int _opIndex;
    private int _opEnd;
    private bool _isPrecise;
    private bool _isLeaving;
    private int _untilTimeCheck = TimeCheckInterval;
    private long _retired;

    // What ended the run.
    internal ExitReason ExitReason;
    internal ulong ExitValue;

    public Cpu(SoftwarePartition partition, int index)
    {
        _partition = partition;
        _memory = partition.Memory;
        _code = partition.Code;
        _vendor = partition.Vendor;
        _turns = partition.Turns;
        _index = index;
        _decoder = new BlockDecoder(_vendor);
        Apic = new LocalApic(index, partition.Bus, this, OnApicWork, PhysicalBits);
        _readTlb = _readTlbs[0];
        _writeTlb = _writeTlbs[0];
        FlushTlb();
        Reset();
    }

    internal bool IsStepping { get; set; }

    internal int Cpl => _cpl;

    internal int CodeBits => _bits;

    internal ulong CodeBase => _bits == 64 ? 0 : Segments[Seg.Cs].Base;

    /// <summary>Instructions that came to their end; one that repeats itself counts once. Any thread.</summary>
    internal long Instructions => Volatile.Read(ref _retired);

    /// <summary>Asks for attention. Any thread.</summary>
    internal void Kick()
    {
        if (_turns is TurnSchedule turns)
        {
            turns.Kick();
        }
        else
        {
            KickAlone();
        }
    }

    /// <summary>As <see cref="Kick"/>, without the others of its partition. Any thread.</summary>
    internal void KickAlone() => Attend(AttentionKick);

    internal void ClearKick()
    {
        // A locked instruction only where there is one to forget: this is on the way of every exit.
        if ((Volatile.Read(ref _attention) & AttentionKick) != 0)
        {
            Interlocked.And(ref _attention, ~AttentionKick);
        }
    }

    /// <summary>Another processor is about to decode a page that this one may write to unseen.</summary>
    internal void StopUnseenWrites()
    {
        Interlocked.Or(ref _attention, AttentionFlush);
    }

    internal bool MayWriteUnseen => Volatile.Read(ref _isRunning) != 0 && (Volatile.Read(ref _attention) & AttentionFlush) != 0;

    private void OnApicWork()
    {
        Interlocked.Or(ref _attention, AttentionApic);
        if (_turns is TurnSchedule turns)
        {
            turns.WorkCame(this);
        }
        else
        {
            Wake();
        }
    }

    private void Attend(int bit)
    {
        Interlocked.Or(ref _attention, bit);
        Wake();
    }

    /// <summary>Runs until the host is needed; the reason is in <see cref="ExitReason"/>.</summary>
    internal void Run()
    {
        Enter();
        try
        {
            ExitReason = ExitReason.None;
            while (ExitReason == ExitReason.None)
            {
                if (_turns is TurnSchedule turns)
                {
                    RunSomeInTurn(turns);
                }
                else
                {
                    RunSome(toEnd: false);
                }
            }
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>Finishes the instruction that waits for the host and no more. True when it led to an exit again.</summary>
    internal bool FinishInstruction()
    {
        Enter();
        try
        {
            ExitReason = ExitReason.None;
            RunSome(toEnd: true);
            return ExitReason != ExitReason.None;
        }
        finally
        {
            Leave();
        }
    }

    // From one look at what else there is to do to the next.
    private void RunSome(bool toEnd)
    {
        bool isBegun = false;
        try
        {
            if (!toEnd && BeforeInstructions())
            {
                return;
            }

            isBegun = true;
            if (toEnd || _isPrecise)
            {
                RunOne();
            }
            else
            {
                RunBlocks();
            }
        }
        catch (GuestFault)
        {
            _retired += isBegun ? _opIndex : 0;
            OnFault();
        }
        catch (HostExit)
        {
            _retired += isBegun ? _opIndex : 0;
            _pendingDebug &= ~BreakpointHits;
            SetRipOfOp();
            _opIndex = 0;
            // Begun again by the next run, before anything else, and from the first of its answers on.
            _isAsking = true;
            _replayAt = 0;
            ExitReason = ExitReason.Mmio;
        }
    }

    private void Enter()
    {
        ArithmeticFlags = R.Guest.Rflags;
        _untilTimeCheck -= ExitSpends;
        GoOn();
        ModeOfRunningChanged();
    }

    // It runs, or runs again after a sleep.
    private void GoOn()
    {
        Volatile.Write(ref _isRunning, 1);
        Interlocked.MemoryBarrier();
        // Whoever asked while this one stood still did not wait.
        AnswerFlush();
    }

    private void Leave()
    {
        Volatile.Write(ref _isRunning, 0);
        R.Guest.Rflags = (R.Guest.Rflags & ~Flag.Arithmetic) | ArithmeticFlags | 2;
    }

    private void RunBlocks()
    {
        if (_turns is TurnSchedule turns)
        {
            RunBlocksInTurn(turns);
        }
        else
        {
            do
            {
                Block block = FindBlock();
                RunOps(block.Ops, block.Ops.Length);
                _retired += _opIndex + 1;
                _untilTimeCheck -= block.Ops.Length;
            }
            while (!_isLeaving && Volatile.Read(ref _attention) == 0 && _untilTimeCheck > 0);
        }

        if (ExitReason != ExitReason.None)
        {
            // The last one is not done yet.
            _retired--;
        }

        _isBetweenIterations = _isRepeating;
        _isLeaving = _isNewShadow = _keepResume = _isRepeating = _isTrapSwallowed = false;
    }

    // Ends the run of blocks behind the current instruction.
    private void LeaveRun()
    {
        _isLeaving = true;
        _opEnd = 0;
    }

    // Ends the current block behind the current instruction.
    private void LeaveBlock() => _opEnd = 0;

    private void RunOps(Op[] ops, int end)
    {
        ulong start = R.Guest.Rip;
        R.Block = start;
        _block = ops;
        _opEnd = end;
        int i = 0;
        do
        {
            _opIndex = i;
            Execute(ref ops[i]);
        }
        while (++i < _opEnd);
        if (!_hasJumped)
        {
            R.Guest.Rip = MaskRip(start + ops[_opIndex].Next);
        }

        _hasJumped = false;
    }

    private Op[] _block = [];
    private bool _hasJumped;

    // One instruction with all that only single instructions have: breakpoints, TF, shadows.
    private void RunOne()
    {
        bool trap = (R.Guest.Rflags & Flag.Trap) != 0;
        int shadow = _shadow;
        int pass = -1;
        if (_breakpoints.Length != 0 && IsAtHostBreakpoint(out pass))
        {
            return;
        }

        if (IsAtBreakpoint())
        {
            return;
        }

        Block block = FindBlock();
        R.Block = R.Guest.Rip;
        _block = block.Ops;
        _opIndex = 0;
        _opEnd = 1;
        Execute(ref block.Ops[0]);
        _isLeaving = false;
        if (!_hasJumped)
        {
            R.Guest.Rip = MaskRip(R.Block + block.Ops[0].Next);
        }

        _hasJumped = false;
        _untilTimeCheck--;
        if (ExitReason != ExitReason.None)
        {
            return;
        }

        if (pass >= 0 && !_isRepeating)
        {
            RemovePass(pass);
        }

        AfterInstruction(trap, shadow);
    }

    private void AfterInstruction(bool trap, int shadow)
    {
        _replayCount = _replayAt = 0;
        _isPending = _isAsking = false;
        _retired++;
        if (!_isRepeating)
        {
            R.Guest.Rflags &= ~Flag.Resume | (_keepResume ? Flag.Resume : 0);
            // A shadow that this instruction made itself stays for the next.
            if (shadow != 0 && _shadow == shadow && !_isNewShadow)
            {
                _shadow = 0;
            }
        }

        // A load of SS is not stepped over (SDM vol. 3, 6.8.3).
        if (trap && !_isTrapSwallowed && !(_isNewShadow && (_shadow & ShadowMovSs) != 0))
        {
            _pendingDebug |= SingleStepped;
        }

        _isNewShadow = false;
        _keepResume = false;
        _isBetweenIterations = _isRepeating;
        _isRepeating = false;

        _isTrapSwallowed = false;
        if (IsStepping && ExitReason == ExitReason.None)
        {
            ExitReason = ExitReason.Debug;
            ExitValue = 1 << 14;
        }

        ModeOfRunningChanged();
    }

    private ulong LinearRip
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _bits == 64 ? R.Guest.Rip : (uint)(R.Guest.Rip + Segments[Seg.Cs].Base);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong MaskRip(ulong rip) => _bits == 64 ? rip : _bits == 32 ? (uint)rip : (ushort)rip;

    private void Jump(ulong rip)
    {
        R.Guest.Rip = rip;
        _hasJumped = true;
    }

    // RIP at the instruction that did not come to its end.
    private void SetRipOfOp()
    {
        if (_opIndex < _block.Length && !_hasJumped)
        {
            R.Guest.Rip = MaskRip(R.Block + _block[_opIndex].Start);
        }

        _hasJumped = false;
        _isLeaving = false;
    }

    // Gives the instruction to the host, RIP at it. It is begun again by the next run, which finds the answer.
    private void Exit(ExitReason reason, in Op op)
    {
        ExitReason = reason;
        Jump(MaskRip(R.Block + op.Start));
        LeaveRun();
    }

    [DoesNotReturn, MethodImpl(MethodImplOptions.NoInlining)]
    private void Throw(int vector) => throw Fault(vector);

    [DoesNotReturn, MethodImpl(MethodImplOptions.NoInlining)]
    private void ThrowProtection(uint error = 0) => throw Fault(13, error);

    private GuestFault Fault(int vector)
    {
        _fault.Vector = vector;
        _fault.HasErrorCode = false;
        _fault.ErrorCode = 0;
        _fault.IsAddress = false;
        return _fault;
    }

    private GuestFault Fault(int vector, uint error)
    {
        _ = Fault(vector);
        _fault.HasErrorCode = true;
        _fault.ErrorCode = error;
        return _fault;
    }

    private GuestFault AddressFault()
    {
        _ = Fault(13, 0);
        _fault.IsAddress = true;
        return _fault;
    }
}
