using System.Runtime.CompilerServices;

namespace Hyperpatch.Engine.Memory;

/// <summary>
/// Which parts of a guest's pages somebody holds decoded copies of, and a version for each page that a write to such a part moves on. A
/// holder compares versions before it uses its copy, so nobody has to be told.
/// </summary>
internal sealed class CodePageMap
{
    private readonly Lock _lock = new();
    private readonly ulong[] _parts;
    private readonly int[] _versions;
    private readonly ulong _lowBytes;
    private readonly int _pages;

    public CodePageMap(ulong ramBytes)
    {
        _pages = (int)(ramBytes / GuestMemory.PageSize);
        _lowBytes = Math.Min(ramBytes, GuestMemory.LowMemoryEnd);
        // The last one stands for all of ROM, which nobody writes.
        _parts = new ulong[_pages + 1];
        _versions = new int[_pages + 1];
    }

    /// <summary>Versions by page index.</summary>
    public int[] Versions => _versions;

    /// <summary>The index of a guest-physical address's page.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int IndexOf(ulong physical)
    {
        if (physical < _lowBytes)
        {
            return (int)(physical / GuestMemory.PageSize);
        }

        ulong high = physical - 0x1_0000_0000 + _lowBytes;
        return physical >= 0x1_0000_0000 && high < (ulong)_pages * GuestMemory.PageSize ? (int)(high / GuestMemory.PageSize) : _pages;
    }

    /// <summary>Whether a page has decoded parts: it must then not be written without telling <see cref="Written"/>.</summary>
    public bool IsCode(int page) => Volatile.Read(ref _parts[page]) != 0;

    /// <summary>Whether <see cref="Mark"/> would change nothing.</summary>
    /// <param name="page">The page's index.</param>
    /// <param name="offset">Offset of the first byte in the page.</param>
    /// <param name="length">Bytes.</param>
    public bool IsMarked(int page, int offset, int length)
    {
        ulong mask = Mask(offset, length);
        return (Volatile.Read(ref _parts[page]) & mask) == mask;
    }

    /// <summary>Says that bytes are about to be decoded.</summary>
    /// <param name="page">The page's index.</param>
    /// <param name="offset">Offset of the first byte in the page.</param>
    /// <param name="length">Bytes.</param>
    /// <returns>True when the page had no such part before: whoever writes to it unseen must be stopped.</returns>
    public bool Mark(int page, int offset, int length)
    {
        lock (_lock)
        {
            ulong before = _parts[page];
            _parts[page] = before | Mask(offset, length);
            return before == 0;
        }
    }

    /// <summary>Says that bytes were written, after they were.</summary>
    /// <param name="physical">Guest-physical address.</param>
    /// <param name="length">Bytes; may span pages.</param>
    /// <param name="staysCode">Whether they are code still (a patch): the page stays marked, so that nobody has to be stopped again.</param>
    /// <returns>True when a decoded part was among them.</returns>
    public bool Written(ulong physical, int length, bool staysCode = false)
    {
        bool changed = false;
        while (length > 0)
        {
            int offset = (int)(physical & (GuestMemory.PageSize - 1));
            int chunk = Math.Min(length, GuestMemory.PageSize - offset);
            int page = IndexOf(physical);
            Interlocked.MemoryBarrier();
            if (page < _pages && (Volatile.Read(ref _parts[page]) & Mask(offset, chunk)) != 0)
            {
                lock (_lock)
                {
                    // All copies of the page are void from here, so it starts anew as a page without code.
                    if (!staysCode)
                    {
                        _parts[page] = 0;
                    }

                    Volatile.Write(ref _versions[page], _versions[page] + 1);
                }

                changed = true;
            }

            physical += (ulong)chunk;
            length -= chunk;
        }

        return changed;
    }

    /// <summary>Says that everything may have changed.</summary>
    public void AllWritten()
    {
        lock (_lock)
        {
            Array.Clear(_parts);
            for (int i = 0; i < _versions.Length; i++)
            {
                _versions[i]++;
            }
        }
    }

    // One bit for 64 bytes.
    private static ulong Mask(int offset, int length)
    {
        int first = offset >> 6;
        int last = Math.Min(63, (offset + length - 1) >> 6);
        return (ulong.MaxValue << first) & (ulong.MaxValue >> (63 - last));
    }
}
