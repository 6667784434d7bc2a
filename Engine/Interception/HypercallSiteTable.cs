using System.Collections.Concurrent;
using System.Collections.Immutable;

namespace Hyperpatch.Engine.Interception;

/// <summary>All sites of a machine. Bounded: a hostile guest can make no more of them than <see cref="Capacity"/>.</summary>
public sealed class HypercallSiteTable
{
    /// <summary>Sites at most; further ones work all the same, and are counted in <see cref="Overflow"/>.</summary>
    public const int Capacity = 4096;

    private readonly ConcurrentDictionary<ulong, HypercallSite> _byPhysical = new();
    private readonly Lock _addLock = new();
    private int _count;
    private long _overflow;
    private int _generation;

    /// <summary>Number of sites.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Executions at places that found no room in the table.</summary>
    public long Overflow => Volatile.Read(ref _overflow);

    /// <summary>All sites by linear address.</summary>
    public ImmutableArray<HypercallSite> All() => [.. _byPhysical.Values.OrderBy(site => site.Linear)];

    /// <summary>Changes whenever sites that were there are there no more. Any thread.</summary>
    internal int Generation => Volatile.Read(ref _generation);

    /// <summary>Finds a site.</summary>
    /// <param name="id">Its number.</param>
    public HypercallSite? Find(int id) => _byPhysical.Values.FirstOrDefault(site => site.Id == id);

    internal HypercallSite? GetOrAdd(ulong linear, ulong physical)
    {
        if (_byPhysical.TryGetValue(physical, out HypercallSite? site))
        {
            return site;
        }

        if (Volatile.Read(ref _count) >= Capacity)
        {
            Interlocked.Increment(ref _overflow);
            return null;
        }

        // Once a site: two processors that meet it at the same time agree on one number.
        lock (_addLock)
        {
            if (_byPhysical.TryGetValue(physical, out site))
            {
                return site;
            }

            if (_count >= Capacity)
            {
                Interlocked.Increment(ref _overflow);
                return null;
            }

            site = new HypercallSite(++_count, linear, physical);
            return _byPhysical[physical] = site;
        }
    }

    internal void Clear()
    {
        _byPhysical.Clear();
        Volatile.Write(ref _generation, _generation + 1);
        Volatile.Write(ref _count, 0);
    }
}
