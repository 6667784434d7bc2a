using System.Diagnostics;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Tests.Support;

namespace Hyperpatch.Engine.Tests.Machine;

/// <summary>Moments of what a stopwatch has timed, beside a wall clock that is set, and a computer that sleeps.</summary>
public sealed class MomentClockTests
{
    private const double Start = 1_700_000_000_000;

    private long _ticks = 5 * Stopwatch.Frequency;
    private double _wall = Start;

    [Fact]
    public void Both_kinds_of_time_are_of_one_clock()
    {
        MomentClock clock = Clock();
        Pass(1500);
        Assert.Equal(Start + 1500, clock.NowUnixMs, 3);
        Assert.Equal(clock.NowUnixMs, clock.ToUnixMs(_ticks), 3);
        Assert.Equal(Start - 1000, clock.ToUnixMs(4 * Stopwatch.Frequency), 3);
        Assert.Equal(DateTimeOffset.FromUnixTimeMilliseconds((long)Start + 1500), clock.Now);
    }

    [Fact]
    public void After_a_sleep_moments_are_those_of_the_wall_and_what_was_before_keeps_its_own()
    {
        MomentClock clock = Clock();
        Pass(1000);
        long before = _ticks;
        _wall += 3_600_000;
        Assert.Equal(Start + 3_601_000, clock.NowUnixMs, 3);
        Pass(10);
        Assert.Equal(Start + 3_601_010, clock.ToUnixMs(_ticks), 3);
        Assert.Equal(Start + 500, clock.ToUnixMs(before - (Stopwatch.Frequency / 2)), 3);
    }

    [Fact]
    public void A_wall_clock_that_is_set_back_is_not_followed_back_and_small_differences_not_at_all()
    {
        MomentClock clock = Clock();
        _wall -= 60_000;
        Pass(1000);
        Assert.Equal(Start + 1000, clock.NowUnixMs, 3);
        _wall += 60_000 + 200;
        Pass(1000);
        Assert.Equal(Start + 2000, clock.NowUnixMs, 3);
    }

    [Fact]
    public void Time_goes_on_however_often_the_wall_clock_is_set()
    {
        Random random = Seed.NewRandom();
        MomentClock clock = Clock();
        double last = clock.NowUnixMs;
        long lastTicks = _ticks;
        for (int i = 0; i < 1000; i++)
        {
            Pass(random.Next(0, 5000));
            _wall += random.Next(4) == 0 ? random.Next(-10_000, 20_000) : 0;
            double now = clock.NowUnixMs;
            Assert.True(now >= last, $"{i}: from {last} to {now}");
            Assert.True(clock.ToUnixMs(lastTicks) <= now, $"{i}");
            Assert.True(now >= _wall - 251, $"{i}: {now} is behind {_wall}");
            (last, lastTicks) = (now, _ticks);
        }
    }

    private MomentClock Clock() => new(() => _ticks, () => _wall);

    private void Pass(int milliseconds)
    {
        _ticks += milliseconds * Stopwatch.Frequency / 1000;
        _wall += milliseconds;
    }
}
