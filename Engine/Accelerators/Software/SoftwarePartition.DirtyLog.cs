using Hyperpatch.Engine.Memory;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>
/// The dirty log. A page is marked before it gets into a processor's write TLB; a collection takes the marks first and the pages out of
/// all write TLBs after, so whatever was written by way of an old entry is in memory before the collection returns.
/// </summary>
internal partial class SoftwarePartition
{
    private readonly Lock _logLock = new();
    private DirtyPageMap? _dirtyPages;

    public void StartDirtyLog()
    {
        lock (_logLock)
        {
            if (_dirtyPages is null)
            {
                _dirtyPages = memory.TryLogWrites()
                    ?? throw new AcceleratorException("Another partition logs the writes to this memory already.");
                // Pages that are in a write TLB from before have no mark.
                StopUnseenWrites(null);
            }
        }
    }

    public void StopDirtyLog()
    {
        lock (_logLock)
        {
            if (_dirtyPages is { } map)
            {
                memory.StopLoggingWrites(map);
                _dirtyPages = null;
            }
        }
    }

    public void CollectDirtyPages(int region, Span<ulong> bitmap)
    {
        MemoryRegion wanted = memory.Regions[region];
        bitmap = bitmap[..wanted.BitmapLength];
        bitmap.Clear();
        lock (_logLock)
        {
            if (_dirtyPages is { } map && !wanted.IsReadOnly)
            {
                map.Take(wanted, bitmap);
                StopUnseenWrites(null);
            }
        }
    }
}
