namespace Hyperpatch.Engine.Guests.Loading;

/// <summary>A piece of a program and where it goes.</summary>
/// <param name="Name">What messages call it.</param>
/// <param name="Address">Guest-physical address.</param>
/// <param name="Bytes">Content.</param>
/// <param name="MemorySize">Bytes that it takes in memory, those behind the content zero; at least the content's length.</param>
/// <param name="VirtualAddress">Address that the file's own addresses count from.</param>
/// <param name="IsExecutable">Whether it holds code.</param>
internal sealed record ImagePart(
    string Name, ulong Address, ReadOnlyMemory<byte> Bytes, ulong MemorySize, ulong VirtualAddress, bool IsExecutable)
{
    /// <summary>Guest-physical address behind it. Parts end below 2^33, so this does not wrap.</summary>
    public ulong End => Address + MemorySize;

    /// <summary>Whether its virtual addresses lie above the memory that is mapped one to one, and so need a mapping of their own.</summary>
    public bool IsHigh => VirtualAddress != Address && VirtualAddress >= ProgramFile.AddressLimit;

    /// <summary>Whether it shares a byte with a range.</summary>
    /// <param name="start">Start of the range.</param>
    /// <param name="end">Address behind the range.</param>
    public bool Overlaps(ulong start, ulong end) => Address < end && start < End;
}
