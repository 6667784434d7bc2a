using System.Runtime.CompilerServices;
using Hyperpatch.Engine.Exits;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>Running in turn with the partition's other processors: what the deterministic mode does instead of the ordinary loop.</summary>
internal sealed partial class Cpu
{
    // A processor that spins gives up its turn after some eighty rounds: the one that it waits for is not running.
    private const long PauseSpends = 256;
    private readonly TurnSchedule? _turns;
    private long _delivered;
    private long _elements;

    internal int Index => _index;

    private bool IsKicked => (Volatile.Read(ref _attention) & AttentionKick) != 0;

    /// <summary>Instructions, elements of repeated ones, and deliveries so far, exact inside a block, too.</summary>
    internal long Progress => _retired + _delivered + _elements + _opIndex;

    /// <summary>When this processor's timer wakes it from where it waits: in the clock's nanoseconds, or never.</summary>
    internal ulong WakingDeadline => Apic.IsWaitingForStartup || !IsInterruptEnabled || !Apic.CanTimerInterrupt ? ulong.MaxValue : Apic.NextDeadline;

    /// <summary>Whether it would execute or take an event if it had the turn.</summary>
    /// <param name="now">The time.</param>
    internal bool CanGoOn(ulong now)
    {
        Apic.Poll(now);
        if (Apic.IsInitPending || Apic.IsStartupPending)
        {
            return true;
        }

        // What would wake it, in the order of BeforeInstructions.
        return !Apic.IsWaitingForStartup
            && (!_isHalted || IsPending || Apic.IsKickPending || _injectedVector >= 0 || _pendingDebug != 0
                || (Apic.IsNmiPending && !_isNmiBlocked && (_shadow & ShadowMovSs) == 0)
                || (_shadow == 0 && IsInterruptEnabled && Apic.GetInterrupt() >= 0));
    }

    /// <summary>Ends the block behind the current instruction, so that what has come is seen at the same place whatever block it is in.</summary>
    internal void LookUp() => LeaveBlock();

    internal TurnState? SaveTurn() => _turns?.Save(this);

    internal void RestoreTurn(TurnState? state)
    {
        if (state is TurnState turn)
        {
            _turns?.Restore(this, turn);
        }
    }

    private void RunSomeInTurn(TurnSchedule turns)
    {
        if (!turns.IsHolder(this))
        {
            // It had the turn: what a step did instead of the instruction, such as taking an interrupt, was the turn's last.
            bool isStepped = IsStepping && !IsKicked;
            ExitReason = isStepped ? ExitReason.Debug : ExitReason.Interrupted;
            ExitValue = isStepped ? SingleStepped : 0;
            return;
        }

        // An instruction that the host had a part in is finished before anything else.
        if (!IsPending && turns.IsUsedUp && turns.PassOn())
        {
            return;
        }

        RunSome(toEnd: false);
    }

    // On its own, so that the ordinary loop is compiled as if this were not there.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void RunBlocksInTurn(TurnSchedule turns)
    {
        do
        {
            long left = Math.Max(turns.Left(this), 1);
            Block block = FindBlock();
            RunOps(block.Ops, (int)Math.Min(block.Ops.Length, left));
            _retired += _opIndex + 1;
            _opIndex = 0;
        }
        while (!_isLeaving && Volatile.Read(ref _attention) == 0 && turns.Left(this) > 0);
    }

    // Holds the turn and has nothing to execute.
    private void SleepInTurn(TurnSchedule turns)
    {
        if (turns.PassOn())
        {
            return;
        }

        _wake.Reset();
        turns.SetIdle(true);
        Volatile.Write(ref _isRunning, 0);
        try
        {
            Interlocked.MemoryBarrier();
            if (!IsKicked && !turns.CanAnyGoOn())
            {
                _wake.Wait();
            }
        }
        finally
        {
            turns.SetIdle(false);
            GoOn();
        }
    }
}
