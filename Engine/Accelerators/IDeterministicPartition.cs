namespace Hyperpatch.Engine.Accelerators;

/// <summary>
/// A partition whose runs repeat exactly: the same guest, put into it the same way, does the same, instruction by instruction, whatever
/// the host does meanwhile.
/// </summary>
/// <remarks>
/// <para>
/// One processor at a time has the turn, and only it executes; one thread runs all of them. It keeps the turn while the host handles its exits, so what the host
/// does for it (interrupts to others, patches) falls between the same two instructions each time. The turn passes on, in the order of the
/// processors' indices, to the next that can go on: after a fixed number of instructions, in HLT, while it waits for INIT or start-up, and
/// where the guest gives it up (PAUSE shortens it, SCHED_YIELD ends it). Blocks of decoded instructions are cut at the exact number.
/// </para>
/// <para>
/// Time is counted, not measured: a nanosecond for each instruction of any processor, and for each exception or interrupt delivered (a
/// guest that can only fault would stop the clock otherwise). The time-stamp counters (1 GHz), the local APICs' timers and the wall
/// clock are made of it. While all processors wait, time jumps to the next timer that wakes one; where there is none, time
/// stands still until something comes from outside.
/// </para>
/// <para>
/// Pause, observation, saving and single steps change neither whose turn it is nor what is left of it. A processor that is run out of its
/// turn comes back at once with <see cref="Exits.ExitReason.Interrupted"/>; a kick of any of them ends the run of the one that executes. What comes from outside (serial input, an interrupt of the host's, a
/// vendor switch at a moment that a person chooses) is input: a run repeats as far as its input does.
/// </para>
/// </remarks>
public interface IDeterministicPartition : IPartition
{
    /// <summary>
    /// The machine's time in nanoseconds since its start. On the processors' thread, or while all are parked.
    /// </summary>
    ulong Time { get; }

    /// <summary>Index of the processor whose turn it is. On the processors' thread.</summary>
    int InTurn { get; }

    /// <summary>The processor that executes next; passes the turn on first if that is due. Only while all are parked.</summary>
    /// <returns>Its index.</returns>
    int NextInTurn();

    /// <summary>What is left of the turn is given up. On the processors' thread.</summary>
    void GiveUpTurn();
}
