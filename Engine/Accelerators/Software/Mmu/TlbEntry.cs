namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>One page's translation for one kind of access.</summary>
internal struct TlbEntry
{
    /// <summary>Linear address of the page, or all ones.</summary>
    public ulong Tag;

    /// <summary>What to add to a linear address to get the host's.</summary>
    public nint Distance;
}
