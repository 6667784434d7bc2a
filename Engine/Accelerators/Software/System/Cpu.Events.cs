using System.Diagnostics;
using Hyperpatch.Engine.Exits;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>What happens between instructions: kicks, injected events, traps, INIT and start-up, NMI, interrupts, sleep.</summary>
internal sealed partial class Cpu
{
    internal const int ShadowMovSs = 1;
    internal const int ShadowSti = 2;
    internal const ulong SingleStepped = 1 << 14;
    private readonly ManualResetEventSlim _wake = new(false);
    private ulong _pendingDebug;
    private int _shadow;
    private bool _isNewShadow;
    private bool _keepResume;
    private bool _isRepeating;
    private bool _isTrapSwallowed;
    private bool _isBetweenIterations;

    // The instruction at RIP has made the host do something, and is to finish; or it waits for the answer to an access of its own.
    private bool _isPending;
    private bool _isAsking;
    private bool _isHalted;
    private bool _isNmiBlocked;
    private int _injectedVector = -1;
    private uint _injectedError;
    private bool _injectedHasError;

    internal bool IsPending => _isPending || _isAsking;

    internal bool IsHalted => _isHalted;

    internal bool IsInterruptEnabled => (R.Guest.Rflags & Flag.Interrupt) != 0;

    internal int Shadow
    {
        get => _shadow;
        set => _shadow = value;
    }

    internal bool IsNmiBlocked
    {
        get => _isNmiBlocked;
        set => _isNmiBlocked = value;
    }

    internal ulong PendingDebug
    {
        get => _pendingDebug;
        set => _pendingDebug = value;
    }

    /// <summary>The event that the host injected, or -1.</summary>
    internal int InjectedVector => _injectedVector;

    internal uint InjectedError => _injectedError;

    internal bool InjectedHasError => _injectedHasError;

    /// <summary>Delivers an exception before the next instruction.</summary>
    internal void Inject(int vector, uint error, bool hasError)
    {
        _isPending = _isAsking = false;
        _replayCount = _replayAt = 0;
        _injectedVector = vector;
        _injectedError = error;
        _injectedHasError = hasError;
    }

    /// <summary>The host has carried out the instruction at RIP.</summary>
    internal void Complete(int length)
    {
        EndPass();
        R.Guest.Rip = MaskRip(R.Guest.Rip + (ulong)length);
        _retired++;
        _shadow = 0;
        R.Guest.Rflags &= ~Flag.Resume;
        if ((R.Guest.Rflags & Flag.Trap) != 0)
        {
            _pendingDebug |= SingleStepped;
        }
    }

    internal void SetHalted(bool value) => _isHalted = value;

    internal void Wake() => _wake.Set();

    // True: there was something, look again before the next instruction.
    private bool BeforeInstructions()
    {
        int attention = Volatile.Read(ref _attention);
        if (attention != 0)
        {
            AnswerFlush();
            if ((attention & AttentionKick) != 0)
            {
                ExitReason = ExitReason.Interrupted;
                return true;
            }

            Interlocked.And(ref _attention, ~AttentionApic);
        }

        if (IsPending)
        {
            return false;
        }

        if (_turns is not null)
        {
            Apic.Poll(Now);
        }
        else if (_untilTimeCheck <= 0 || _isHalted)
        {
            _untilTimeCheck = TimeCheckInterval;
            ulong now = Now;
            if (Apic.NextDeadline <= now)
            {
                Apic.Poll(now);
            }
        }

        if (Apic.HasWork)
        {
            Apic.ClearWork();
            bool isReset = Apic.TakeInit();
            if (isReset)
            {
                ResetByInit();
            }

            // In the same go: a start-up that came right behind the INIT is no new work.
            if (Apic.TakeStartup() is int page and >= 0)
            {
                StartAt(page);
                return true;
            }

            if (isReset)
            {
                return true;
            }
        }

        if (Apic.IsWaitingForStartup)
        {
            Sleep();
            return true;
        }

        if (_isHalted && Apic.TakeKick())
        {
            _isHalted = false;
        }

        if (_injectedVector >= 0)
        {
            int vector = _injectedVector;
            _injectedVector = -1;
            DeliverFault(vector, _injectedError, _injectedHasError);
            return true;
        }

        if (_pendingDebug != 0 && (_shadow & ShadowMovSs) == 0)
        {
            Dr[6] |= _pendingDebug;
            _pendingDebug = 0;
            DeliverTrap(1);
            return true;
        }

        if (!_isNmiBlocked && (_shadow & ShadowMovSs) == 0 && Apic.IsNmiPending && Apic.TakeNmi())
        {
            _isHalted = false;
            _isNmiBlocked = true;
            DeliverTrap(2);
            return true;
        }

        if (_shadow == 0 && IsInterruptEnabled && Apic.GetInterrupt() is int interrupt and >= 0)
        {
            _isHalted = false;
            DeliverTrap(Apic.Acknowledge(interrupt));
            return true;
        }

        if (_isHalted)
        {
            Sleep();
            return true;
        }

        return false;
    }

    private void Sleep()
    {
        if (_turns is TurnSchedule turns)
        {
            SleepInTurn(turns);
            return;
        }

        _wake.Reset();
        Volatile.Write(ref _isRunning, 0);
        try
        {
            // In this order: what comes after the reset sets the event, what came before shows here.
            Interlocked.MemoryBarrier();
            if ((Volatile.Read(ref _attention) & (AttentionKick | AttentionApic)) != 0 || Apic.HasWork)
            {
                return;
            }

            ulong deadline = Apic.NextDeadline, now = Now;
            if (deadline <= now)
            {
                return;
            }

            const ulong NanosecondsOfWait = 1_000_000;
            if (deadline - now >= NanosecondsOfWait)
            {
                _ = _wake.Wait(deadline == ulong.MaxValue ? Timeout.Infinite : (int)Math.Min((deadline - now) / NanosecondsOfWait, 60_000));
            }
            else
            {
                // The host's waits are no finer than that.
                _ = Thread.Yield();
            }
        }
        finally
        {
            GoOn();
        }
    }

    // The current instruction did not complete: its exception, or the host's business with it.
    private void OnFault()
    {
        bool isStack = _opIndex < _block.Length && IsStackOp(_block[_opIndex]);
        SetRipOfOp();
        _opIndex = 0;
        _isPending = _isAsking = false;
        _isNewShadow = false;
        _isImplicit = false;
        _isBetweenIterations = false;
        // What the instruction did before it failed, it will do again.
        _pendingDebug &= ~BreakpointHits;
        _replayCount = _replayAt = 0;
        int vector = _fault.Vector;
        switch (vector)
        {
            case < 0:
                return;
            case 6:
                ExitReason = ExitReason.InvalidOpcode;
                ExitValue = 0;
                return;
            case 13 when _fault.IsAddress && isStack:
                vector = 12;
                break;
        }

        DeliverFault(vector, _fault.ErrorCode, _fault.HasErrorCode);
    }

    private static bool IsStackOp(in Op op) => op.Code switch
    {
        OpCode.Push or OpCode.Pop or OpCode.Call or OpCode.CallIndirect or OpCode.Ret or OpCode.Pushf or OpCode.Popf or OpCode.Pusha
            or OpCode.Popa or OpCode.Enter or OpCode.Leave or OpCode.PushSeg or OpCode.PopSeg or OpCode.Iret or OpCode.RetFar => true,
        _ => (op.To == Op.InMemory || op.From == Op.InMemory) && op.Segment == Seg.Ss,
    };

    // A fault of the instruction at RIP: the frame tells to resume it without its breakpoint.
    private void DeliverFault(int vector, uint error, bool hasError)
    {
        EndPass();
        Deliver(vector, error, hasError, R.Guest.Rip, Flag.Resume, isSoftware: false);
    }

    // After an instruction: traps, NMI, interrupts.
    private void DeliverTrap(int vector)
    {
        // Between two iterations of a string instruction RF is set in the frame (SDM vol. 3, 18.3.1.1).
        ulong flags = _isBetweenIterations ? Flag.Resume : 0;
        _isBetweenIterations = false;
        Deliver(vector, 0, hasError: false, R.Guest.Rip, flags, isSoftware: false);
    }

    private void Deliver(int vector, uint error, bool hasError, ulong rip, ulong extraFlags, bool isSoftware)
    {
        _shadow = 0;
        _isHalted = false;
        _delivered++;
        if (vector == 1 && !isSoftware)
        {
            Dr[7] &= ~GeneralDetect;
        }

        for (int first = vector; ;)
        {
            try
            {
                _isImplicit = true;
                DeliverOnce(vector, error, hasError, rip, extraFlags, isSoftware);
                _isImplicit = false;
                ModeOfRunningChanged();
                return;
            }
            catch (GuestFault)
            {
                _isImplicit = false;
                if (_fault.Vector < 0)
                {
                    return;
                }

                // INT 8 is no double fault.
                if (vector == 8 && !isSoftware)
                {
                    ExitReason = ExitReason.Shutdown;
                    return;
                }

                bool isDouble = first == 14 ? _fault.Vector is 14 or 0 or (>= 10 and <= 13)
                    : first is 0 or (>= 10 and <= 13) && _fault.Vector is 0 or (>= 10 and <= 13);
                first = vector = isDouble ? 8 : _fault.Vector;
                // Bit 0 is EXT, but for #PF, where it says whether the page was present.
                error = isDouble ? 0 : _fault.ErrorCode | (isSoftware || _fault.Vector == 14 ? 0u : 1u);
                hasError = isDouble || _fault.HasErrorCode;
                extraFlags = Flag.Resume;
                rip = R.Guest.Rip;
                isSoftware = false;
            }
            catch (HostExit)
            {
                _isImplicit = false;
                ExitReason = ExitReason.Shutdown;
                return;
            }
        }
    }

    private bool IsAtBreakpoint()
    {
        if ((Dr[7] & 0xFF) == 0 || (R.Guest.Rflags & Flag.Resume) != 0 || IsPending || (_shadow & ShadowMovSs) != 0)
        {
            return false;
        }

        ulong linear = LinearRip, hits = 0;
        for (int i = 0; i < 4; i++)
        {
            if (IsCodeBreakpoint(i) && Dr[i] == linear)
            {
                hits |= 1UL << i;
            }
        }

        if (hits == 0)
        {
            return false;
        }

        Dr[6] = (Dr[6] & ~0xFUL) | hits;
        Deliver(1, 0, hasError: false, R.Guest.Rip, 0, isSoftware: false);
        return true;
    }

    private bool HasCodeBreakpoints
    {
        get
        {
            for (int i = 0; i < 4; i++)
            {
                if (IsCodeBreakpoint(i))
                {
                    return true;
                }
            }

            return false;
        }
    }

    // After every change of what makes single instructions necessary, or of the mode, rights or flags that the fast paths rest on.
    private void ModeOfRunningChanged()
    {
        _isPrecise = (R.Guest.Rflags & (Flag.Trap | Flag.Resume)) != 0 || _shadow != 0 || IsStepping || IsPending
            || _breakpoints.Length != 0 || ((Dr[7] & 0xFF) != 0 && HasCodeBreakpoints);
        SelectTlb();
    }

    /// <summary>The clock: nanoseconds of the host's, or of the machine's own.</summary>
    public ulong Now => _turns is TurnSchedule turns ? turns.Now : (ulong)(Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency));

    /// <inheritdoc/>
    public ulong TimeOfTimestamp(ulong timestamp)
    {
        // The counter may have been set far ahead of the clock: the clock has no time for much of what the counter has behind it.
        ulong now = Now, counter = now + _timestampOffset, left = timestamp - counter;
        return timestamp <= counter ? now : left > ulong.MaxValue - now ? ulong.MaxValue : now + left;
    }

    private ulong _timestampOffset = (ulong)-Stopwatch.GetTimestamp();

    /// <summary>The time-stamp counter: it runs at 1 GHz.</summary>
    internal ulong Timestamp
    {
        get => Now + _timestampOffset;
        set
        {
            _timestampOffset = value - Now;
            Apic.TimestampChanged();
        }
    }
}
