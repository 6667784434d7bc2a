using System.Diagnostics;
using Hyperpatch.Engine.Exits;

namespace Hyperpatch.Engine.Tests.Exits;

/// <summary>An hour of handling times, on a clock of the test's own.</summary>
public sealed class LatencyHistoryTests
{
    private static readonly long s_second = Stopwatch.Frequency;
    private static readonly TimeSpan s_short = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan s_hour = TimeSpan.FromHours(1);

    [Fact]
    public void A_column_holds_what_was_gained_over_it()
    {
        ExitJournal journal = new(2, 64, 100);
        LatencyHistory history = new();
        Write(journal, history, 0, ExitReason.PortIo, 3000);
        history.Take(0, journal);
        Write(journal, history, 0, ExitReason.PortIo, 1000, 1000, 50_000);
        Write(journal, history, 1, ExitReason.PortIo, 1001);
        Write(journal, history, 1, ExitReason.Hypercall, 700);
        history.Take(s_second / 2, journal);
        Assert.Empty(history.Read(s_short));

        history.Take(s_second, journal);
        Write(journal, history, 1, ExitReason.Mmio, 9);
        history.Take(2 * s_second, journal);

        IReadOnlyList<LatencyColumn> columns = history.Read(s_short);
        Assert.Equal([(0, s_second), (s_second, 2 * s_second)], columns.Select(column => (column.Started, column.Timestamp)));
        // What was written before the first look is in the first column.
        Assert.Equal([(700u, 1), (1000u, 3), (3000u, 1), (50_000u, 1)], Told(columns[0], 700, 1000, 3000, 50_000));
        Assert.Equal((50_000u, 9u), (columns[0].Longest, columns[1].Longest));
        Assert.Equal([(9u, 1)], Told(columns[1], 9));
        LatencyColumn calls = history.Read(s_short, 0, ExitReason.Hypercall)[0];
        Assert.Equal([(700u, 1)], Told(calls, 700));
        Assert.Equal(700u, calls.Longest);
        Assert.Equal(2 * s_second, Assert.Single(history.Read(s_short, s_second)).Timestamp);
        Assert.Equal((50_000u, 700u, 0u), (history.LongestOf(ExitReason.PortIo), history.LongestOf(ExitReason.Hypercall), history.LongestOf(ExitReason.Halt)));
    }

    [Fact]
    public void The_longest_that_the_pump_did_not_see_is_known_by_its_bucket()
    {
        ExitJournal journal = new(1, 64, 100);
        LatencyHistory history = new();
        history.Take(0, journal);
        Write(journal, history, 0, ExitReason.Mmio, 100);
        journal.Processors[0].Record(new ExitRecord { Reason = ExitReason.Mmio, DurationNanoseconds = 5000 }, isCall: false);
        history.Take(s_second, journal);
        Assert.InRange(Assert.Single(history.Read(s_short)).Longest, 5000 * (1 - LatencyHistogram.ErrorBound), 5000);
    }

    [Fact]
    public void A_long_one_is_told_in_the_column_that_counts_it()
    {
        ExitJournal journal = new(1, 64, 100);
        LatencyHistory history = new();
        history.Take(0, journal);
        Write(journal, history, 0, ExitReason.Mmio, 100);

        // Written when the pump has read the journal for this column, and before it takes it: it reads it for the next.
        journal.Processors[0].Record(new ExitRecord { Reason = ExitReason.Mmio, DurationNanoseconds = 5_100_000 }, isCall: false);
        history.Take(s_second, journal);
        history.See(ExitReason.Mmio, 5_100_000);
        Write(journal, history, 0, ExitReason.Mmio, 101, 102);
        history.Take(2 * s_second, journal);

        IReadOnlyList<LatencyColumn> columns = history.Read(s_short);
        Assert.Equal(5_100_000u, columns[0].Longest);
        Assert.InRange(columns[1].Longest, 102 * (1 - LatencyHistogram.ErrorBound), 102);
        Assert.Equal([(101u, 2)], Told(columns[1], 101));
    }

    [Fact]
    public void Kicks_are_not_told_of()
    {
        ExitJournal journal = new(1, 64, 100);
        LatencyHistory history = new();
        history.Take(0, journal);
        Write(journal, history, 0, ExitReason.Interrupted, 77_000);
        history.Take(s_second, journal);
        LatencyColumn column = Assert.Single(history.Read(s_short));
        Assert.Empty(column.Cells);
        Assert.Equal((0u, 0u), (column.Longest, history.LongestOf(ExitReason.Interrupted)));
    }

    [Fact]
    public void An_hour_is_kept_in_order_and_no_more()
    {
        ExitJournal journal = new(1, 64, 100);
        LatencyHistory history = new();
        const int Seconds = 5000;
        for (int second = 0; second <= Seconds; second++)
        {
            history.Take(second * s_second, journal);
            Write(journal, history, 0, ExitReason.Mmio, 3, 40, 1_000_000);
        }

        foreach ((TimeSpan span, int step, int capacity) in new[]
        {
            (s_short, LatencyHistory.FineStep, LatencyHistory.FineCapacity), (s_hour, LatencyHistory.CoarseStep, LatencyHistory.CoarseCapacity),
        })
        {
            IReadOnlyList<LatencyColumn> columns = history.Read(span);
            Assert.Equal(capacity, columns.Count);
            Assert.Equal(Enumerable.Range(0, capacity).Select(i => (Seconds - ((capacity - 1 - i) * step)) * s_second), columns.Select(column => column.Timestamp));
            Assert.All(columns, column => Assert.Equal([(3u, step), (40u, step), (1_000_000u, step)], Told(column, 3, 40, 1_000_000)));
            Assert.All(columns, column => Assert.Equal(step * s_second, column.Timestamp - column.Started));
        }
    }

    [Fact]
    public void The_sum_over_a_time_is_that_of_its_columns()
    {
        ExitJournal journal = new(1, 64, 100);
        LatencyHistory history = new();
        for (int second = 0; second <= 100; second++)
        {
            history.Take(second * s_second, journal);
            Write(journal, history, 0, ExitReason.PortIo, 2000);
            Write(journal, history, 0, ExitReason.Mmio, (uint)(100_000 - second));
        }

        long[] counts = new long[ExitReasons.Count * LatencyHistogram.BucketCount];
        uint[] longest = new uint[ExitReasons.Count];
        history.Sum(s_short, 70 * s_second, counts, longest);
        Assert.Equal(60, counts.Sum());
        Assert.Equal(30, counts[((int)ExitReason.PortIo * LatencyHistogram.BucketCount) + LatencyHistogram.Bucket(2000)]);
        // The column that ends at 71 s holds what was written at 70 s.
        Assert.Equal((2000u, 99_930u, 0u), (longest[(int)ExitReason.PortIo], longest[(int)ExitReason.Mmio], longest[(int)ExitReason.Hypercall]));
    }

    [Fact]
    public void Widely_spread_times_cost_no_column_while_it_grows()
    {
        ExitJournal journal = new(1, 64, 100);
        LatencyHistory history = new();
        Spread(journal, history, 700);
        IReadOnlyList<LatencyColumn> columns = history.Read(s_short);
        Assert.Equal(LatencyHistory.FineCapacity, columns.Count);
        foreach ((int index, LatencyColumn column) in columns.Index())
        {
            int second = 700 - LatencyHistory.FineCapacity + index;
            Assert.Equal(Enumerable.Range(0, LatencyHistogram.BucketCount).Select(bucket => new LatencyCell(bucket, Each(second))), column.Cells);
        }

        Assert.Equal(700 / LatencyHistory.CoarseStep, history.Read(s_hour).Count);
    }

    [Fact]
    public void At_its_bound_the_oldest_columns_go_and_those_that_stay_are_whole()
    {
        ExitJournal journal = new(1, 64, 100);
        LatencyHistory history = new(mostCells: 4096);
        Spread(journal, history, 300);
        IReadOnlyList<LatencyColumn> columns = history.Read(s_short);
        Assert.Equal(4096 / LatencyHistogram.BucketCount, columns.Count);
        Assert.Equal(300 * s_second, columns[^1].Timestamp);
        foreach ((int index, LatencyColumn column) in columns.Index())
        {
            Assert.Equal(Enumerable.Range(0, LatencyHistogram.BucketCount).Select(bucket => new LatencyCell(bucket, Each(300 - columns.Count + index))), column.Cells);
        }
    }

    [Fact]
    public void Once_it_has_grown_it_allocates_nothing()
    {
        ExitJournal journal = new(1, 64, 100);
        LatencyHistory history = new();
        int second = 0;
        Go(LatencyHistory.CoarseStep * LatencyHistory.CoarseCapacity * 2);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Go(500);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Go(int seconds)
        {
            for (int end = second + seconds; second < end; second++)
            {
                for (uint i = 0; i < 20; i++)
                {
                    Record(journal, history, 0, ExitReason.PortIo, (i * 997) + 100);
                }

                history.Take(second * s_second, journal);
            }
        }
    }

    private static int Each(int second) => 1 + (second % 3);

    // Every second an exit of each length, or two or three.
    private static void Spread(ExitJournal journal, LatencyHistory history, int seconds)
    {
        history.Take(0, journal);
        for (int second = 0; second < seconds; second++)
        {
            for (int bucket = 0; bucket < LatencyHistogram.BucketCount; bucket++)
            {
                for (int i = 0; i < Each(second); i++)
                {
                    Record(journal, history, 0, ExitReason.Mmio, (uint)LatencyHistogram.LowerBound(bucket));
                }
            }

            history.Take((second + 1) * s_second, journal);
        }
    }

    // A column's cells by the durations that were written: each count stands beside the duration whose bucket it is in.
    private static IEnumerable<(uint Nanoseconds, int Count)> Told(LatencyColumn column, params uint[] durations)
    {
        Assert.Equal(durations.Length, column.Cells.Count);
        return durations.Select((duration, index) =>
        {
            Assert.Equal(LatencyHistogram.Bucket(duration), column.Cells[index].Bucket);
            return (duration, (int)column.Cells[index].Count);
        });
    }

    private static void Write(ExitJournal journal, LatencyHistory history, int processor, ExitReason reason, params uint[] durations)
    {
        foreach (uint nanoseconds in durations)
        {
            Record(journal, history, processor, reason, nanoseconds);
        }
    }

    private static void Record(ExitJournal journal, LatencyHistory history, int processor, ExitReason reason, uint nanoseconds)
    {
        journal.Processors[processor].Record(new ExitRecord { Reason = reason, Processor = (ushort)processor, DurationNanoseconds = nanoseconds }, isCall: false);
        history.See(reason, nanoseconds);
    }
}
