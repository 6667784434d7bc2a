using System.Buffers.Binary;

namespace Hyperpatch.Engine.Guests.Images;

/// <summary>4-level page tables (Intel SDM vol. 3, 4.5) as data of an image.</summary>
internal sealed class PageTableBuilder
{
    /// <summary>Bytes of a page.</summary>
    public const ulong PageSize = 0x1000;

    private const ulong LargePage = 0x80;
    private const ulong FrameMask = 0x000F_FFFF_FFFF_F000;
    private const ulong LargeFrameMask = 0x000F_FFFF_FFE0_0000;

    // Upper levels allow everything: the leaf alone decides.
    private const ulong TableFlags = (ulong)(PageFlags.Present | PageFlags.Writable | PageFlags.User);

    private readonly SortedDictionary<ulong, ulong[]> _tables = [];
    private readonly ulong _end;
    private ulong _next;

    /// <summary>Starts with an empty root.</summary>
    /// <param name="start">Guest-physical start of the room for tables; the root (CR3) goes there.</param>
    /// <param name="end">End of that room.</param>
    public PageTableBuilder(ulong start, ulong end)
    {
        _next = start;
        _end = end;
        Root = NewTable();
    }

    /// <summary>Value for CR3.</summary>
    public ulong Root { get; }

    /// <summary>Tables that there is still room for.</summary>
    public int FreeTables => (int)((_end - _next) / PageSize);

    /// <summary>Maps a 2 MiB page.</summary>
    /// <param name="linear">Linear address, aligned.</param>
    /// <param name="physical">Guest-physical address, aligned.</param>
    /// <param name="flags">What may be done with it.</param>
    public void MapLarge(ulong linear, ulong physical, PageFlags flags) =>
        Directory(linear)[Index(linear, 1)] = physical | (ulong)flags | LargePage;

    /// <summary>Maps a 4 KiB page, splitting a large one where needed.</summary>
    /// <param name="linear">Linear address; its low 12 bits are ignored.</param>
    /// <param name="physical">Guest-physical address; its low 12 bits are ignored.</param>
    /// <param name="flags">What may be done with it.</param>
    public void Map(ulong linear, ulong physical, PageFlags flags) =>
        Table(linear)[Index(linear, 0)] = (physical & FrameMask) | (ulong)flags;

    /// <summary>Changes what may be done with a 4 KiB page that is mapped, splitting a large one where needed.</summary>
    /// <param name="linear">An address in the page.</param>
    /// <param name="flags">What may be done with it from now on.</param>
    public void Protect(ulong linear, PageFlags flags)
    {
        ref ulong entry = ref Table(linear)[Index(linear, 0)];
        entry = (entry & FrameMask) | (ulong)flags;
    }

    /// <summary>Guest-physical address behind a linear one, whether present or not; null when nothing was ever mapped there.</summary>
    /// <param name="linear">Linear address.</param>
    public ulong? Translate(ulong linear)
    {
        ulong[] table = _tables[Root];
        for (int level = 3; ; level--)
        {
            ulong entry = table[Index(linear, level)];
            if (entry == 0)
            {
                return null;
            }

            if (level == 0)
            {
                return (entry & FrameMask) | (linear & (PageSize - 1));
            }

            if ((entry & LargePage) != 0)
            {
                return (entry & LargeFrameMask) | (linear & 0x1F_FFFF);
            }

            table = _tables[entry & FrameMask];
        }
    }

    /// <summary>The tables as parts of an image.</summary>
    public IEnumerable<GuestSegment> Segments()
    {
        foreach ((ulong address, ulong[] entries) in _tables)
        {
            byte[] bytes = new byte[PageSize];
            for (int i = 0; i < entries.Length; i++)
            {
                BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(i * 8), entries[i]);
            }

            yield return new GuestSegment(address, bytes);
        }
    }

    private static int Index(ulong linear, int level) => (int)(linear >> (12 + (9 * level))) & 0x1FF;

    private ulong[] Directory(ulong linear) => Below(Below(_tables[Root], Index(linear, 3)), Index(linear, 2));

    private ulong[] Table(ulong linear)
    {
        ulong[] directory = Directory(linear);
        int index = Index(linear, 1);
        ulong large = directory[index];
        if ((large & LargePage) == 0)
        {
            return Below(directory, index);
        }

        directory[index] = 0;
        ulong[] table = Below(directory, index);
        ulong flags = large & ~LargeFrameMask & ~LargePage;
        for (int i = 0; i < table.Length; i++)
        {
            table[i] = ((large & LargeFrameMask) + ((ulong)i * PageSize)) | flags;
        }

        return table;
    }

    private ulong[] Below(ulong[] table, int index)
    {
        if (table[index] == 0)
        {
            table[index] = NewTable() | TableFlags;
        }

        return _tables[table[index] & FrameMask];
    }

    private ulong NewTable()
    {
        if (_next + PageSize > _end)
        {
            throw new InvalidOperationException("No room is left for page tables.");
        }

        ulong address = _next;
        _next += PageSize;
        _tables.Add(address, new ulong[512]);
        return address;
    }
}
