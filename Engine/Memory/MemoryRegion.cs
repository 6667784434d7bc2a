namespace Hyperpatch.Engine.Memory;

/// <summary>A run of guest-physical memory and the host mapping behind it.</summary>
/// <param name="GuestAddress">Guest-physical start, page-aligned.</param>
/// <param name="Length">Bytes, a multiple of 4096.</param>
/// <param name="HostAddress">Start of the mapping in this process.</param>
/// <param name="IsReadOnly">ROM: guest writes exit as MMIO.</param>
public readonly record struct MemoryRegion(ulong GuestAddress, ulong Length, nint HostAddress, bool IsReadOnly)
{
    /// <summary>First address behind the region.</summary>
    public ulong End => GuestAddress + Length;

    /// <summary>Words of 64 bits that hold a bit for each of its pages.</summary>
    public int BitmapLength => (int)(((Length / GuestMemory.PageSize) + 63) / 64);
}
