namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>
/// Whose turn it is in a deterministic partition, and its clock. One thread runs all processors; only the holder of the turn executes.
/// What happens here is a function of the guest's state alone.
/// </summary>
/// <remarks>All members belong to that thread, or to any while all processors are parked, but those that say otherwise.</remarks>
internal sealed class TurnSchedule
{
    /// <summary>
    /// Instructions of a turn, or elements of repeated ones. Short enough that the others' timers are not late by much (each is 20 µs of the guest's time),
    /// long enough that handing the turn over does not count.
    /// </summary>
    public const long Quantum = 20_000;

    private const ulong Never = ulong.MaxValue;
    private readonly Cpu?[] _processors = new Cpu?[SoftwarePartition.MostProcessors];
    private int _count;
    private Cpu? _holder;
    private ulong _offset;
    private long _end;
    private int _isIdle;

    /// <summary>The machine's time: nanoseconds.</summary>
    public ulong Now => Volatile.Read(ref _holder) is Cpu holder ? _offset + (ulong)holder.Progress : 0;

    /// <summary>How far the holder may go before it must look up: to the end of its turn, or to its timer's deadline.</summary>
    /// <param name="holder">The holder.</param>
    /// <returns>Instructions; at most 0 when it must look up now.</returns>
    public long Left(Cpu holder)
    {
        ulong deadline = holder.Apic.NextDeadline;
        long left = _end - holder.Progress;
        if (deadline == Never)
        {
            return left;
        }

        ulong now = _offset + (ulong)holder.Progress;
        return deadline <= now ? 0 : (long)Math.Min((ulong)Math.Max(left, 0), deadline - now);
    }

    /// <summary>Index of the processor whose turn it is.</summary>
    public int Holder => _holder!.Index;

    /// <summary>Whether the holder's turn is over.</summary>
    public bool IsUsedUp => _holder!.Progress >= _end;

    /// <summary>Adds a processor. The first has the first turn. Before the machine runs.</summary>
    public void Attach(Cpu processor)
    {
        _processors[processor.Index] = processor;
        _count = Math.Max(_count, processor.Index + 1);
        if (_holder is null)
        {
            _end = processor.Progress + Quantum;
            _holder = processor;
        }
    }

    /// <summary>The host asks for one of the processors: whichever executes now, or comes to, is to stop. Any thread.</summary>
    public void Kick()
    {
        for (int i = 0; i < _count; i++)
        {
            _processors[i]?.KickAlone();
        }
    }

    /// <summary>Whether it is a processor's turn. Any thread.</summary>
    public bool IsHolder(Cpu processor) => Volatile.Read(ref _holder) == processor;

    /// <summary>Shortens the turn, which costs no time.</summary>
    /// <param name="instructions">By how much.</param>
    public void Spend(long instructions) => _end -= instructions;

    /// <summary>
    /// Gives the next turn to the next processor that can go on, maybe the same. Where none can, time jumps to the next timer that wakes one.
    /// </summary>
    /// <returns>False when nothing will happen by itself any more.</returns>
    public bool PassOn()
    {
        Cpu? next = FindNext();
        if (next is null)
        {
            ulong deadline = NextDeadline();
            if (deadline == Never)
            {
                return false;
            }

            ulong now = Now;
            _offset += deadline > now ? deadline - now : 0;
            next = FindNext();
        }

        if (next is not null)
        {
            Give(next);
        }

        return true;
    }

    /// <summary>Passes the turn on if that is due. While all are parked.</summary>
    /// <returns>Index of the processor whose turn it is then.</returns>
    public int Settle()
    {
        Cpu holder = _holder!;
        if (!holder.IsPending && (IsUsedUp || !holder.CanGoOn(Now)))
        {
            _ = PassOn();
        }

        return _holder!.Index;
    }

    /// <summary>Whether any processor can go on.</summary>
    public bool CanAnyGoOn() => FindNext() is not null;

    /// <summary>The holder sleeps until something comes from outside, or does not any more.</summary>
    public void SetIdle(bool value) => Volatile.Write(ref _isIdle, value ? 1 : 0);

    /// <summary>A processor's APIC has got something to do. Any thread, behind whatever made it so.</summary>
    public void WorkCame(Cpu processor)
    {
        // Else the holder finds it when it passes the turn on: nobody has to be woken for it.
        if (IsHolder(processor))
        {
            processor.LookUp();
        }

        WakeIfIdle();
    }

    /// <summary>
    /// Something has come from outside. Any thread, behind it. Not by <see cref="WorkCame"/> alone: an APIC that was told of something before,
    /// which its processor does not take, says nothing of what comes next.
    /// </summary>
    public void WakeIfIdle()
    {
        if (Volatile.Read(ref _isIdle) != 0)
        {
            Volatile.Read(ref _holder)!.Wake();
        }
    }

    /// <summary>A processor's part, to be saved. While all are parked.</summary>
    public TurnState Save(Cpu processor) => new(Now, _holder == processor, _holder == processor ? _end - processor.Progress : 0);

    /// <summary>Takes over a processor's part. In any order: before the machine runs all have made the same progress.</summary>
    public void Restore(Cpu processor, TurnState state)
    {
        if (state.HasTurn)
        {
            _end = processor.Progress + state.Left;
            Volatile.Write(ref _holder, processor);
        }

        _offset = state.Time - (ulong)_holder!.Progress;
    }

    private void Give(Cpu next)
    {
        Cpu holder = _holder!;
        _offset = Now - (ulong)next.Progress;
        _end = next.Progress + Quantum;
        if (next != holder)
        {
            Volatile.Write(ref _holder, next);
        }
    }

    // In the order of the indices, the holder last.
    private Cpu? FindNext()
    {
        ulong now = Now;
        int holder = _holder!.Index;
        for (int i = 1; i <= _count; i++)
        {
            if (_processors[(holder + i) % _count] is Cpu processor && processor.CanGoOn(now))
            {
                return processor;
            }
        }

        return null;
    }

    private ulong NextDeadline()
    {
        ulong next = Never;
        for (int i = 0; i < _count; i++)
        {
            next = Math.Min(next, _processors[i]?.WakingDeadline ?? Never);
        }

        return next;
    }
}
