namespace Hyperpatch.Engine.Memory;

/// <summary>One entry that a page walk reads.</summary>
/// <param name="Level">The table's name as in the manual: PML5E, PML4E, PDPTE, PDE or PTE.</param>
/// <param name="EntryAddress">Guest-physical address of the entry.</param>
/// <param name="Entry">The entry; 0 where no memory is there.</param>
/// <param name="Bytes">Bytes of the entry, 4 or 8.</param>
/// <param name="IsReadable">Whether memory is there at all.</param>
/// <param name="IsLeaf">Whether the entry maps a page.</param>
public readonly record struct PageWalkStep(string Level, ulong EntryAddress, ulong Entry, int Bytes, bool IsReadable, bool IsLeaf)
{
    /// <summary>P: the entry is present.</summary>
    public bool IsPresent => (Entry & 1) != 0;
}
