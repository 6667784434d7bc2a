namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>A run of decoded instructions without a branch inside, of one page (its last instruction may end on the next).</summary>
internal sealed class Block(ulong key, Op[] ops)
{
    /// <summary>Guest-physical address and mode.</summary>
    public readonly ulong Key = key;

    public readonly Op[] Ops = ops;

    /// <summary>The bytes that it was decoded from; none where it ends on a second page.</summary>
    public byte[] Bytes = [];

    /// <summary>Index of its page in the code map, and the page's version that was decoded.</summary>
    public int Page;

    public int Version;

    /// <summary>The same for the page on which it ends; mostly the same page.</summary>
    public int SecondPage;

    public int SecondVersion;

    /// <summary>Guest-physical address of the second page, when there is one.</summary>
    public ulong? SecondPhysical;

    /// <summary>Linear address, mode and translation under which it was found last.</summary>
    public ulong Linear;

    public uint Epoch;
}
