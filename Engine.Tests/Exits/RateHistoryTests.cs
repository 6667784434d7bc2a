using System.Diagnostics;
using Hyperpatch.Engine.Exits;

namespace Hyperpatch.Engine.Tests.Exits;

/// <summary>An hour of rates, on a clock of the test's own.</summary>
public sealed class RateHistoryTests
{
    private static readonly long s_second = Stopwatch.Frequency;

    [Fact]
    public void A_step_holds_the_rate_over_it()
    {
        ExitJournal journal = new(2, 64, 100);
        RateHistory history = new();
        history.Take(0, journal, 0);
        Write(journal, 0, ExitReason.PortIo, 30);
        Write(journal, 1, ExitReason.PortIo, 10);
        Write(journal, 1, ExitReason.Hypercall, 5);
        history.Take(s_second / 2, journal, 0);
        Assert.Empty(history.Read());

        history.Take(2 * s_second, journal, 1);

        RateSample sample = Assert.Single(history.Read());
        Assert.Equal((2 * s_second, 1), (sample.Timestamp, sample.Vendor));
        Assert.Equal((20f, 2.5f, 0f), (sample.Rates[(int)ExitReason.PortIo], sample.Rates[(int)ExitReason.Hypercall], sample.Rates[(int)ExitReason.Mmio]));
    }

    [Fact]
    public void An_hour_is_kept_in_order_and_no_more()
    {
        ExitJournal journal = new(1, 64, 100);
        RateHistory history = new();
        const int Seconds = 5000;
        for (int second = 0; second <= Seconds; second++)
        {
            history.Take(second * s_second, journal, 0);
            Write(journal, 0, ExitReason.Mmio, 3);
        }

        IReadOnlyList<RateSample> samples = history.Read();
        Assert.Equal(samples.OrderBy(sample => sample.Timestamp), samples);
        Assert.Equal(samples.Count, samples.DistinctBy(sample => sample.Timestamp).Count());
        Assert.All(samples, sample => Assert.Equal(3f, sample.Rates[(int)ExitReason.Mmio]));
        Assert.Equal(Seconds * s_second, samples[^1].Timestamp);
        Assert.Equal((Seconds - ((RateHistory.CoarseCapacity - 1) * RateHistory.CoarseStep)) * s_second, samples[0].Timestamp);
        Assert.Equal(RateHistory.FineCapacity + ((RateHistory.CoarseCapacity * RateHistory.CoarseStep - RateHistory.FineCapacity) / RateHistory.CoarseStep), samples.Count);
    }

    [Fact]
    public void A_long_silence_is_one_step()
    {
        ExitJournal journal = new(1, 64, 100);
        RateHistory history = new();
        history.Take(0, journal, 0);
        Write(journal, 0, ExitReason.Mmio, 50);
        history.Take(100 * s_second, journal, 0);
        Assert.Equal(0.5f, Assert.Single(history.Read()).Rates[(int)ExitReason.Mmio]);
    }

    private static void Write(ExitJournal journal, int processor, ExitReason reason, int count)
    {
        for (int i = 0; i < count; i++)
        {
            journal.Processors[processor].Record(new ExitRecord { Reason = reason, Processor = (ushort)processor }, isCall: false);
        }
    }
}
