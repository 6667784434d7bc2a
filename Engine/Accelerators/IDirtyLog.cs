namespace Hyperpatch.Engine.Accelerators;

/// <summary>
/// Optional ability of a partition: tell which pages of the guest's RAM were written, by its processors (accessed and dirty bits of page
/// walks among it) or by the host through <see cref="Memory.GuestMemory"/>.
/// </summary>
/// <remarks>
/// A write that happens before a collection is in it, or was in an earlier one; what is written from its return on is in the next. A page that is
/// collected and read afterwards shows all writes that the next collection will not tell of. Nothing is lost between
/// <see cref="StartDirtyLog"/> and <see cref="StopDirtyLog"/>, whatever runs meanwhile; the log ends with its partition. One log at a
/// time over the same memory. All members: any thread, one caller after the other.
/// </remarks>
public interface IDirtyLog
{
    /// <summary>Starts with an empty log. No effect when it is on.</summary>
    /// <exception cref="AcceleratorException">The host refuses, or another partition logs over the same memory.</exception>
    void StartDirtyLog();

    /// <summary>Ends it; what was not collected is forgotten. No effect when it is off.</summary>
    /// <exception cref="AcceleratorException">The host refuses.</exception>
    void StopDirtyLog();

    /// <summary>Takes what was written in a region since the last collection (or the start), and clears it. Nothing where the log is off.</summary>
    /// <param name="region">Index in <see cref="Memory.GuestMemory.Regions"/>.</param>
    /// <param name="bitmap">
    /// At least <see cref="Memory.MemoryRegion.BitmapLength"/> words, overwritten: bit n of word m is page 64 m + n of the region, as
    /// KVM_GET_DIRTY_LOG lays it out (Linux: Documentation/virt/kvm/api.rst, 4.8). ROM has none.
    /// </param>
    /// <exception cref="AcceleratorException">The host refuses.</exception>
    void CollectDirtyPages(int region, Span<ulong> bitmap);
}
