namespace Hyperpatch.Engine.Memory;

/// <summary>Pages of RAM that were written, one bit each.</summary>
/// <remarks>
/// Whoever writes marks afterwards, or is known to be done before a collection returns: marked before, a write could come behind the copy that
/// was made because of its mark, and be in none.
/// </remarks>
internal sealed class DirtyPageMap(ulong ramBytes)
{
    private const int PagesAWord = 64;
    private readonly ulong[] _words = new ulong[((ramBytes / GuestMemory.PageSize) + PagesAWord - 1) / PagesAWord];
    private readonly ulong _lowBytes = Math.Min(ramBytes, GuestMemory.LowMemoryEnd);

    /// <summary>Marks what was written.</summary>
    /// <param name="physical">Guest-physical address in RAM.</param>
    /// <param name="length">Bytes, 1 or more, within one region.</param>
    public void Mark(ulong physical, int length)
    {
        ulong first = PageOf(physical);
        ulong last = PageOf(physical + (ulong)length - 1);
        for (ulong page = first; page <= last; page++)
        {
            // Always the locked operation, set or not: it is also the fence that makes the write be seen by whoever takes the bit.
            Interlocked.Or(ref _words[page / PagesAWord], 1UL << (int)(page % PagesAWord));
        }
    }

    /// <summary>Marks everything.</summary>
    public void MarkAll(ulong bytes)
    {
        ulong pages = bytes / GuestMemory.PageSize;
        for (ulong word = 0; word < (ulong)_words.Length; word++)
        {
            ulong left = pages - (word * PagesAWord);
            Interlocked.Or(ref _words[word], left >= PagesAWord ? ulong.MaxValue : (1UL << (int)left) - 1);
        }
    }

    /// <summary>Adds a region's bits to a bitmap, and clears them here.</summary>
    /// <param name="region">A region of RAM; its first page has a word of its own.</param>
    /// <param name="bitmap">Receives them.</param>
    public void Take(in MemoryRegion region, Span<ulong> bitmap)
    {
        int first = (int)(PageOf(region.GuestAddress) / PagesAWord);
        for (int i = 0; i < region.BitmapLength; i++)
        {
            ref ulong word = ref _words[first + i];
            if (Volatile.Read(ref word) != 0)
            {
                bitmap[i] |= Interlocked.Exchange(ref word, 0);
            }
        }
    }

    // RAM above 4 GiB follows what is below the hole.
    private ulong PageOf(ulong physical) =>
        (physical < _lowBytes ? physical : physical - GuestMemory.HighMemoryStart + _lowBytes) / GuestMemory.PageSize;
}
