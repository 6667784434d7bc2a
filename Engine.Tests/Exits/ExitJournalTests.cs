using Hyperpatch.Engine.Exits;

namespace Hyperpatch.Engine.Tests.Exits;

/// <summary>The machine's history out of its processors' rings.</summary>
public sealed class ExitJournalTests
{
    [Fact]
    public void History_is_in_the_order_of_time_and_numbered_from_1()
    {
        ExitJournal journal = new(3, 64, 1000);
        foreach ((int processor, long at) in ((int, long)[])[(0, 10), (0, 30), (0, 31), (1, 5), (1, 20), (1, 40), (2, 25)])
        {
            Write(journal, processor, at);
        }

        journal.Drain();
        ExitRecord[] read = Read(journal, 0);
        Assert.Equal([5, 10, 20, 25, 30, 31, 40], read.Select(record => record.Timestamp));
        Assert.Equal([1, 2, 3, 4, 5, 6, 7], read.Select(record => record.Sequence));
        Assert.Equal((7, 7, 0), (journal.LastSequence, journal.Count, journal.Dropped));

        Write(journal, 1, 50);
        Assert.Equal(7, journal.LastSequence);
        journal.Drain();
        Assert.Equal([50], Read(journal, 7).Select(record => record.Timestamp));
    }

    [Theory]
    [InlineData(0, 10, 2L)]
    [InlineData(0, 31, 6L)]
    [InlineData(1, 5, 1L)]
    [InlineData(1, 40, 7L)]
    [InlineData(2, 25, 4L)]
    [InlineData(0, 20, null)] // another processor's
    [InlineData(0, 15, null)]
    [InlineData(1, 41, null)]
    [InlineData(2, 1, null)]
    [InlineData(3, 25, null)]
    public void A_record_is_found_by_its_processor_and_time(int processor, long at, long? expected)
    {
        ExitJournal journal = new(3, 64, 1000);
        foreach ((int writer, long time) in ((int, long)[])[(0, 10), (0, 30), (0, 31), (1, 5), (1, 20), (1, 40), (2, 25)])
        {
            Write(journal, writer, time);
        }

        // Not drained yet: it does that itself.
        Assert.Equal(expected, journal.Find(processor, at));
    }

    [Fact]
    public void A_record_is_found_behind_later_ones_of_others_and_not_once_it_is_overwritten()
    {
        ExitJournal journal = new(2, 64, 8);
        Write(journal, 0, 100);
        journal.Drain();
        // Late: its time is before what the history has already.
        Write(journal, 1, 90);
        journal.Drain();
        Assert.Equal((1L, 2L), (journal.Find(0, 100), journal.Find(1, 90)));
        for (int i = 0; i < 7; i++)
        {
            Write(journal, 1, 200 + i);
        }

        Assert.Null(journal.Find(0, 100));
        Assert.Equal(2L, journal.Find(1, 90));
    }

    [Fact]
    public void Readers_filter_and_page()
    {
        ExitJournal journal = new(2, 64, 1000);
        for (int i = 0; i < 40; i++)
        {
            Write(journal, i % 2, i, i % 4 == 0 ? ExitReason.Mmio : ExitReason.PortIo);
        }

        journal.Drain();
        ExitRecord[] buffer = new ExitRecord[3];
        Assert.Equal(3, journal.Read(0, buffer, ExitReason.Mmio));
        Assert.Equal([0, 4, 8], buffer.Select(record => record.Timestamp));
        Assert.Equal(3, journal.Read(buffer[2].Sequence, buffer, ExitReason.Mmio));
        Assert.Equal([12, 16, 20], buffer.Select(record => record.Timestamp));
        Assert.Equal(0, journal.Read(0, buffer, ExitReason.Mmio, processor: 1));
        Assert.Equal(0, journal.Read(40, buffer));
        Assert.Equal(0, journal.Read(1000, buffer));
        Assert.Equal(0, journal.Read(long.MaxValue, buffer));
    }

    [Fact]
    public void A_rare_record_is_found_in_a_long_history()
    {
        ExitJournal journal = new(1, 1 << 15, 20_000);
        for (int i = 1; i <= 30_000; i++)
        {
            Write(journal, 0, i, i % 9000 == 0 ? ExitReason.Mmio : ExitReason.PortIo);
        }

        journal.Drain();
        ExitRecord[] buffer = new ExitRecord[10];
        Assert.Equal(2, journal.Read(0, buffer, ExitReason.Mmio));
        Assert.Equal([18_000, 27_000], buffer.Take(2).Select(record => record.Timestamp));
        Assert.Equal(1, journal.Read(18_000, buffer, ExitReason.Mmio));
        Assert.Equal(0, journal.Read(27_000, buffer, ExitReason.Mmio));
    }

    [Fact]
    public async Task A_search_and_a_drain_at_the_same_time_keep_order_and_filter()
    {
        const int Written = 300_000;
        ExitJournal journal = new(1, 1 << 12, 10_000);
        Task writer = Task.Run(
            () =>
            {
                for (int i = 1; i <= Written; i++)
                {
                    Write(journal, 0, i, i % 1000 == 0 ? ExitReason.Mmio : ExitReason.PortIo);
                    if (i % 1000 == 0)
                    {
                        journal.Drain();
                    }
                }
            },
            TestContext.Current.CancellationToken);

        ExitRecord[] buffer = new ExitRecord[3];
        long after = 0;
        while (after < Written)
        {
            int count = journal.Read(after, buffer, ExitReason.Mmio);
            for (int i = 0; i < count; i++)
            {
                Assert.True(buffer[i].Sequence > after, "out of order, or twice");
                Assert.Equal((buffer[i].Sequence, ExitReason.Mmio), (buffer[i].Timestamp, buffer[i].Reason));
                after = buffer[i].Sequence;
            }

            Assert.True(count > 0 || !writer.IsCompleted || journal.Read(after, buffer, ExitReason.Mmio) > 0, "the newest record was not found");
        }

        await writer;
    }

    [Fact]
    public void Old_history_is_given_up()
    {
        ExitJournal journal = new(1, 64, 10);
        for (int i = 1; i <= 25; i++)
        {
            Write(journal, 0, i);
            journal.Drain();
        }

        Assert.Equal(Enumerable.Range(16, 10).Select(i => (long)i), Read(journal, 0).Select(record => record.Timestamp));
        Assert.Equal((25, 0), (journal.LastSequence, journal.Dropped));
    }

    [Fact]
    public void What_the_rings_lost_is_counted_and_the_totals_stay_exact()
    {
        ExitJournal journal = new(2, 16, 1000);
        for (int i = 0; i < 100; i++)
        {
            Write(journal, i % 2, i);
        }

        journal.Drain();
        Assert.Equal((100, 100), (journal.Count, journal.CountOf(ExitReason.PortIo)));
        Assert.Equal(100, journal.LastSequence + journal.Dropped);
        Assert.Equal(30, journal.LastSequence);
    }

    private static void Write(ExitJournal journal, int processor, long at, ExitReason reason = ExitReason.PortIo) =>
        journal.Processors[processor].Record(new ExitRecord { Timestamp = at, Processor = (ushort)processor, Reason = reason }, false);

    private static ExitRecord[] Read(ExitJournal journal, long after)
    {
        ExitRecord[] buffer = new ExitRecord[1000];
        return buffer[..journal.Read(after, buffer)];
    }
}
