namespace Hyperpatch.Engine.Guests.Loading;

/// <summary>A program as an image file holds it, checked: no two parts overlap, and the entry lies in the content of an executable one.</summary>
internal sealed record ProgramFile
{
    /// <summary>Programs end below this: up to here memory can be addressed without paging, and is mapped one to one.</summary>
    public const ulong AddressLimit = 0x1_0000_0000;

    /// <summary>Makes one.</summary>
    /// <param name="parts">Its pieces.</param>
    /// <param name="entry">Guest-physical address of the first instruction.</param>
    /// <param name="linearEntry">Its linear address; null: the same.</param>
    /// <exception cref="GuestImageException">Parts overlap or leave the first 4 GiB, or the entry is in none of them.</exception>
    public ProgramFile(IReadOnlyList<ImagePart> parts, ulong entry, ulong? linearEntry = null)
    {
        Parts = [.. parts.OrderBy(part => part.Address)];
        Entry = entry;
        LinearEntry = linearEntry ?? entry;
        for (int i = 0; i < Parts.Count; i++)
        {
            ImagePart part = Parts[i];
            if (part.MemorySize > AddressLimit || part.Address > AddressLimit - part.MemorySize)
            {
                throw new GuestImageException($"{part.Name} goes to 0x{part.Address:X} and takes 0x{part.MemorySize:X} bytes: it has to end at 4 GiB or below.");
            }

            if (i > 0 && Parts[i - 1].End > part.Address)
            {
                throw new GuestImageException($"{Parts[i - 1].Name} and {part.Name} overlap at 0x{part.Address:X}.");
            }
        }

        if (!Parts.Any(part => part.IsExecutable && entry >= part.Address && entry - part.Address < (ulong)part.Bytes.Length))
        {
            throw new GuestImageException($"The entry address 0x{entry:X} does not lie in code that the file brings along.");
        }
    }

    /// <summary>Its pieces, by address.</summary>
    public IReadOnlyList<ImagePart> Parts { get; }

    /// <summary>Guest-physical address of the first instruction.</summary>
    public ulong Entry { get; }

    /// <summary>Linear address of the first instruction: where it starts.</summary>
    public ulong LinearEntry { get; }

    /// <summary>Content as a machine loads it.</summary>
    public IEnumerable<GuestSegment> Segments => Parts.Where(part => part.Bytes.Length > 0).Select(part => new GuestSegment(part.Address, part.Bytes));

    /// <summary>Refuses a program that reaches below or beyond what is there for it.</summary>
    /// <param name="lowest">Lowest address that a program may take.</param>
    /// <param name="memoryBytes">RAM from 0.</param>
    /// <param name="field">The option that is to be changed when it lies too low.</param>
    /// <exception cref="GuestImageException">It does.</exception>
    public void RequireRoom(ulong lowest, ulong memoryBytes, string field)
    {
        ImagePart first = Parts[0], last = Parts[^1];
        if (first.Address < lowest)
        {
            throw new GuestImageException(field, $"{first.Name} goes to 0x{first.Address:X}; what lies below 0x{lowest:X} is the start environment's (tables, stacks).");
        }

        if (last.End > memoryBytes)
        {
            ulong needed = (last.End + 0xF_FFFF) >> 20;
            throw new GuestImageException("memoryMiB", $"{last.Name} ends at 0x{last.End:X}: at least {needed} MiB of memory are needed, not {memoryBytes >> 20}.");
        }
    }
}
