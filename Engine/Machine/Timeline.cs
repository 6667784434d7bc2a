using System.Collections.Immutable;

namespace Hyperpatch.Engine.Machine;

/// <summary>The latest events of a machine's life, oldest first. Any thread.</summary>
public sealed class Timeline
{
    /// <summary>Entries kept.</summary>
    public const int Capacity = 500;

    private readonly Lock _lock = new();
    private readonly Queue<TimelineEntry> _entries = new();
    private long _last;

    /// <summary>Entries with greater numbers than the given one.</summary>
    /// <param name="after">A sequence number, 0 for all.</param>
    public ImmutableArray<TimelineEntry> Read(long after = 0)
    {
        lock (_lock)
        {
            return after >= _last ? [] : [.. _entries.Where(entry => entry.Sequence > after)];
        }
    }

    internal void Add(string kind, string text)
    {
        lock (_lock)
        {
            if (_entries.Count == Capacity)
            {
                _ = _entries.Dequeue();
            }

            _entries.Enqueue(new TimelineEntry(++_last, MomentClock.Shared.Now, kind, text));
        }
    }
}
