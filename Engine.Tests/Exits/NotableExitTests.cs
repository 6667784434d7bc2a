using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Interception;

namespace Hyperpatch.Engine.Tests.Exits;

/// <summary>Interceptions kept apart from the history, with their sequels.</summary>
public sealed class NotableExitTests
{
    private readonly ExitJournal _journal = new(2, 1 << 13, 100);
    private long _time;

    [Fact]
    public void A_patch_outlives_the_history_and_has_its_sequel()
    {
        Write(0, ExitReason.PortIo);
        Write(0, ExitReason.InvalidOpcode, InterceptionOutcome.Patched, 0x1000);
        Write(1, ExitReason.PortIo);
        Write(0, ExitReason.Debug);
        Write(0, ExitReason.Breakpoint);
        Write(0, ExitReason.Hypercall, InterceptionOutcome.Served, 0x1000);
        for (int i = 0; i < 1000; i++)
        {
            Write(i % 2, ExitReason.PortIo);
        }

        NotableExit found = _journal.FindNotable(null, out long? previous, out long? following)!.Value;
        Assert.Equal((2, 0x1000UL), (found.Exit.Sequence, found.Exit.Linear));
        Assert.True(found.HasNext);
        Assert.Equal((6, ExitReason.Hypercall), (found.Next.Sequence, found.Next.Reason));
        Assert.Equal(((long?)null, (long?)null), (previous, following));
    }

    [Fact]
    public void What_has_no_sequel_yet_says_so()
    {
        Write(0, ExitReason.InvalidOpcode, InterceptionOutcome.Patched);
        Write(1, ExitReason.PortIo);
        Write(0, ExitReason.Debug);
        Assert.False(_journal.FindNotable(null, out _, out _)!.Value.HasNext);

        Write(0, ExitReason.InvalidOpcode, InterceptionOutcome.Injected);
        NotableExit first = _journal.FindNotable(1, out _, out long? following)!.Value;
        Assert.Equal((4, 4L), (first.Next.Sequence, following));
        Assert.False(_journal.FindNotable(4, out _, out _)!.Value.HasNext);
    }

    [Fact]
    public void A_reset_guest_does_not_go_on_with_what_was_before()
    {
        Write(0, ExitReason.InvalidOpcode, InterceptionOutcome.Patched);
        Write(1, ExitReason.InvalidOpcode, InterceptionOutcome.Patched);
        Write(1, ExitReason.PortIo);
        _journal.EndSequels();
        Write(0, ExitReason.PortIo);
        Write(1, ExitReason.PortIo);

        Assert.True(_journal.FindNotable(1, out _, out _) is { IsCut: true, HasNext: false });
        Assert.True(_journal.FindNotable(2, out _, out _) is { IsCut: false, HasNext: true, Next.Sequence: 3 });
    }

    [Fact]
    public void What_was_lost_is_no_sequel_and_what_comes_behind_it_neither()
    {
        ExitJournal journal = new(1, 64, 1000);
        Record(InterceptionOutcome.Patched);
        journal.Drain();
        for (int i = 0; i < 200; i++)
        {
            Record(InterceptionOutcome.None);
        }

        Assert.True(journal.FindNotable(1, out _, out _) is { IsCut: true, HasNext: false });
        Assert.InRange(journal.Dropped, 100, 200);

        void Record(InterceptionOutcome outcome) => journal.Processors[0].Record(new ExitRecord { Timestamp = ++_time, Reason = ExitReason.InvalidOpcode, Outcome = outcome }, isCall: false);
    }

    [Fact]
    public void Neighbours_are_known_also_of_a_number_between_them()
    {
        Assert.Null(_journal.FindNotable(null, out long? previous, out long? following));
        Assert.Equal(((long?)null, (long?)null), (previous, following));
        foreach (bool isNotable in new[] { false, true, false, true, false, true, false })
        {
            Write(0, isNotable ? ExitReason.InvalidOpcode : ExitReason.PortIo, isNotable ? InterceptionOutcome.Injected : InterceptionOutcome.None);
        }

        foreach ((long? asked, bool isThere, long? before, long? behind) in ((long?, bool, long?, long?)[])
        [
            (null, true, 4, null), (6, true, 4, null), (4, true, 2, 6), (2, true, null, 4),
            (1, false, null, 2), (3, false, 2, 4), (5, false, 4, 6), (7, false, 6, null), (long.MaxValue, false, 6, null),
        ])
        {
            NotableExit? found = _journal.FindNotable(asked, out previous, out following);
            Assert.Equal((asked, isThere, before, behind), (asked, found is not null, previous, following));
            Assert.True(found is null || asked is null || found.Value.Exit.Sequence == asked);
        }
    }

    [Fact]
    public void They_are_bounded_and_the_oldest_go()
    {
        int count = ExitJournal.NotableCapacity + 10;
        for (int i = 0; i < count; i++)
        {
            // A drain takes no more than twice the history.
            _journal.Drain();
            Write(i % 2, ExitReason.InvalidOpcode, InterceptionOutcome.Emulated);
        }

        Assert.Null(_journal.FindNotable(10, out long? previous, out long? following));
        Assert.Equal(((long?)null, 11L), (previous, following));
        Assert.Equal(13, _journal.FindNotable(11, out _, out _)!.Value.Next.Sequence);
        Assert.Equal(count, _journal.FindNotable(null, out _, out _)!.Value.Exit.Sequence);
    }

    private void Write(int processor, ExitReason reason, InterceptionOutcome outcome = InterceptionOutcome.None, ulong linear = 0) =>
        _journal.Processors[processor].Record(
            new ExitRecord { Timestamp = ++_time, Processor = (ushort)processor, Reason = reason, Outcome = outcome, Linear = linear }, isCall: outcome == InterceptionOutcome.Served);
}
