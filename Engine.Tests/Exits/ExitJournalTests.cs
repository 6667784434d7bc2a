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
