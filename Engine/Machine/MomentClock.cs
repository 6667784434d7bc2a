using System.Diagnostics;

namespace Hyperpatch.Engine.Machine;

/// <summary>
/// One clock for everything that is shown beside each other: exits carry times of <see cref="Stopwatch"/>, frames and people's commands happen "now",
/// and all of them become moments of the calendar here. The stopwatch stands still while a computer sleeps, and a wall clock can be set: where the
/// wall clock is found ahead, moments from then on are later by that; what was before keeps the moment that it was shown with. Time never runs
/// backwards: a wall clock that is set back is followed once it has caught up. Any thread.
/// </summary>
public sealed class MomentClock
{
    // More than two readings in a row can be apart on a busy host; less than people notice.
    private const double LeapMs = 250;
    private const int MostLeaps = 64;

    private readonly Func<long> _timestamp;
    private readonly Func<double> _wall;
    private readonly Lock _lock = new();
    private volatile Leap[] _leaps;

    /// <summary>Makes one.</summary>
    /// <param name="timestamp">The stopwatch, in its ticks.</param>
    /// <param name="wall">The wall clock, in milliseconds since 1970 UTC.</param>
    public MomentClock(Func<long> timestamp, Func<double> wall)
    {
        ArgumentNullException.ThrowIfNull(timestamp);
        ArgumentNullException.ThrowIfNull(wall);
        (_timestamp, _wall) = (timestamp, wall);
        long now = timestamp();
        _leaps = [new Leap(now, wall() - Milliseconds(now))];
    }

    /// <summary>The process's own.</summary>
    public static MomentClock Shared { get; } = new(Stopwatch.GetTimestamp, static () => (DateTime.UtcNow - DateTime.UnixEpoch).TotalMilliseconds);

    /// <summary>This moment, in milliseconds since 1970 UTC. Looks whether the wall clock is ahead.</summary>
    public double NowUnixMs
    {
        get
        {
            long now = _timestamp();
            double ahead = _wall() - ToUnixMs(now);
            if (ahead > LeapMs)
            {
                Follow(now);
            }

            return ToUnixMs(now);
        }
    }

    /// <summary>This moment (UTC).</summary>
    public DateTimeOffset Now => DateTimeOffset.UnixEpoch.AddMilliseconds(NowUnixMs);

    /// <summary>The moment of a stopwatch time, in milliseconds since 1970 UTC.</summary>
    /// <param name="timestamp">In ticks of <see cref="Stopwatch"/>.</param>
    public double ToUnixMs(long timestamp)
    {
        Leap[] leaps = _leaps;
        int last = leaps.Length - 1;
        while (last > 0 && leaps[last].From > timestamp)
        {
            last--;
        }

        return Milliseconds(timestamp) + leaps[last].Offset;
    }

    private static double Milliseconds(long timestamp) => timestamp * 1000.0 / Stopwatch.Frequency;

    private void Follow(long now)
    {
        lock (_lock)
        {
            // Whoever was here a moment ago has seen it, too.
            double ahead = _wall() - ToUnixMs(_timestamp());
            if (ahead > LeapMs)
            {
                Leap[] leaps = _leaps;
                IEnumerable<Leap> kept = leaps.Skip(Math.Max(0, leaps.Length + 1 - MostLeaps));
                _leaps = [.. kept, new Leap(Math.Max(now, leaps[^1].From), leaps[^1].Offset + ahead)];
            }
        }
    }

    // From a stopwatch time on: what its milliseconds lack to those since 1970.
    private readonly record struct Leap(long From, double Offset);
}
