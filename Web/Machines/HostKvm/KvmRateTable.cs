using Hyperpatch.Engine.Accelerators.Kvm.HostStatistics;

namespace Hyperpatch.Web.Machines.HostKvm;

/// <summary>Turns counters, read again and again, into rates.</summary>
/// <remarks>Not safe for several threads: the caller has a lock.</remarks>
internal sealed class KvmRateTable
{
    /// <summary>The longest time that a rate is made over. Readings are made when somebody looks: the mean since the last time that somebody did is no rate of now.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(90);

    private Dictionary<string, IReadOnlyDictionary<string, long>> _last = [];
    private TimeSpan _at;

    /// <summary>Takes a reading.</summary>
    /// <param name="at">When it was made, on a clock that only goes forward.</param>
    /// <param name="readings">Counters by who they belong to.</param>
    /// <returns>For each owner its counters, the fastest first. Without a reading within <see cref="Longest"/> before, nothing has a rate.</returns>
    public Dictionary<string, IReadOnlyList<KvmCounterView>> Take(TimeSpan at, IReadOnlyDictionary<string, IReadOnlyDictionary<string, long>> readings)
    {
        double seconds = (at - _at).TotalSeconds;
        Dictionary<string, IReadOnlyList<KvmCounterView>> views = [];
        foreach ((string owner, IReadOnlyDictionary<string, long> counters) in readings)
        {
            IReadOnlyDictionary<string, long>? before = seconds > 0 && seconds <= Longest.TotalSeconds ? _last.GetValueOrDefault(owner) : null;
            views[owner] =
            [
                .. counters
                    .Select(counter => new KvmCounterView(counter.Key, counter.Value, Rate(before, counter.Key, counter.Value, seconds)))
                    .OrderByDescending(view => view.PerSecond ?? 0)
                    .ThenByDescending(view => view.Total)
                    .ThenBy(view => view.Name, StringComparer.Ordinal),
            ];
        }

        _last = new(readings);
        _at = at;
        return views;
    }

    // What falls is a level, or another machine under the same name: it has no rate.
    private static double? Rate(IReadOnlyDictionary<string, long>? before, string name, long value, double seconds) =>
        before is not null && before.TryGetValue(name, out long last) && value >= last ? (value - last) / seconds : null;
}
