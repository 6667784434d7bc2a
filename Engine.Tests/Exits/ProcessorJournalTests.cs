using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Hypercalls;
using Hyperpatch.Engine.Interception;

namespace Hyperpatch.Engine.Tests.Exits;

/// <summary>The rings: exact counters, records in order, losses counted, nothing torn.</summary>
public sealed class ProcessorJournalTests
{
    [Fact]
    public void Counters_are_exact()
    {
        ProcessorJournal journal = new(8);
        for (int i = 0; i < 1000; i++)
        {
            bool isCall = i % 4 == 0;
            journal.Record(
                new ExitRecord
                {
                    Reason = isCall ? ExitReason.Hypercall : ExitReason.PortIo,
                    Outcome = isCall ? InterceptionOutcome.Served : InterceptionOutcome.None,
                    Value0 = (ulong)(i / 4 % 20),
                    DurationNanoseconds = 5,
                },
                isCall);
        }

        Assert.Equal((1000, 750, 250, 0), (
            journal.Count, journal.CountOf(ExitReason.PortIo), journal.CountOf(ExitReason.Hypercall), journal.CountOf(ExitReason.Mmio)));
        Assert.Equal((250, 0), (journal.CountOf(InterceptionOutcome.Served), journal.CountOf(InterceptionOutcome.None)));
        // Numbers 0 to 12 have places of their own; 13 to 19 share one.
        Assert.Equal(13, journal.CountOfHypercall(0));
        Assert.Equal(250, Enumerable.Range(0, HypercallNumber.TableSize + 1).Sum(journal.CountOfHypercall));
        Assert.Equal(84, journal.CountOfHypercall(HypercallNumber.TableSize));
        long[] buckets = new long[LatencyHistogram.BucketCount];
        journal.Latency(ExitReason.PortIo).AddTo(buckets);
        Assert.Equal(750, buckets.Sum());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-4)]
    [InlineData(12)]
    public void Capacity_is_a_power_of_two(int capacity) => Assert.Throws<ArgumentOutOfRangeException>(() => new ProcessorJournal(capacity));

    [Fact]
    public void Records_come_out_in_order_once()
    {
        ProcessorJournal journal = new(16);
        ExitRecord[] buffer = new ExitRecord[4];
        long position = 0;
        List<ulong> read = [];
        for (ulong i = 0; i < 100; i++)
        {
            journal.Record(new ExitRecord { Rip = i }, false);
            if (i % 7 == 6)
            {
                Take();
            }
        }

        Take();
        Assert.Equal(Enumerable.Range(0, 100).Select(i => (ulong)i), read);

        void Take()
        {
            for (int count; (count = journal.Read(ref position, buffer, out long lost)) > 0;)
            {
                Assert.Equal(0, lost);
                read.AddRange(buffer[..count].Select(record => record.Rip));
            }
        }
    }

    [Theory]
    [InlineData(15, 0)]
    [InlineData(16, 1)] // the slot that the writer would take next counts as gone
    [InlineData(100, 85)]
    public void Overrun_is_counted(int written, int expected)
    {
        ProcessorJournal journal = new(16);
        for (int i = 0; i < written; i++)
        {
            journal.Record(new ExitRecord { Rip = (ulong)i }, false);
        }

        long position = 0;
        ExitRecord[] buffer = new ExitRecord[64];
        int count = journal.Read(ref position, buffer, out long lost);
        Assert.Equal((expected, written - expected, (long)written), ((int)lost, count, position));
        Assert.Equal(Enumerable.Range(expected, count).Select(i => (ulong)i), buffer[..count].Select(record => record.Rip));
    }

    [Fact]
    public async Task Concurrent_reader_sees_no_torn_record_and_counts_what_it_misses()
    {
        // Every field of a record is made of one number: a mixture of two records shows.
        const int Records = 2_000_000;
        ProcessorJournal journal = new(64);
        Task writer = Task.Run(
            () =>
            {
                for (ulong i = 1; i <= Records; i++)
                {
                    journal.Record(Make(i), false);
                }
            },
            TestContext.Current.CancellationToken);
        ExitRecord[] buffer = new ExitRecord[50];
        long position = 0, seen = 0, missed = 0;
        ulong last = 0;
        for (bool isDone = false; !isDone;)
        {
            isDone = writer.IsCompleted;
            for (int count; (count = journal.Read(ref position, buffer, out long lost)) > 0 || lost > 0;)
            {
                missed += lost;
                for (int i = 0; i < count; i++)
                {
                    ulong number = buffer[i].Rip;
                    Assert.Equal(Make(number), buffer[i]);
                    Assert.True(number > last, "records are in order");
                    last = number;
                    seen++;
                }
            }
        }

        await writer;
        Assert.Equal((Records, (long)Records, (long)Records), (seen + missed, journal.Count, position));

        static ExitRecord Make(ulong i) => new()
        {
            Timestamp = (long)i,
            DurationNanoseconds = (uint)i,
            Epoch = (uint)i,
            Rip = i,
            Linear = i,
            Value0 = i,
            Value1 = i,
            Value2 = i,
            Value3 = i,
            Value4 = i,
            Result = i,
            Bytes = i,
            Processor = (ushort)i,
            Port = (ushort)i,
            Before = (byte)i,
            After = (byte)i,
        };
    }
}
