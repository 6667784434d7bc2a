using Hyperpatch.Engine.Guests.Images;

namespace Hyperpatch.Engine.Guests.Loading;

/// <summary>
/// Programs that are linked above the memory that is mapped one to one, as kernels in the upper half are: the page tables that they start with
/// have these virtual addresses, too.
/// </summary>
internal static class HighMapping
{
    private const ulong PageMask = PageTableBuilder.PageSize - 1;
    private const ulong LowerHalfEnd = 0x0000_8000_0000_0000;
    private const ulong UpperHalf = 0xFFFF_8000_0000_0000;

    /// <summary>Refuses what cannot be mapped.</summary>
    /// <param name="parts">All parts of a program.</param>
    /// <exception cref="GuestImageException">Virtual addresses are not canonical, or pages would have to be in two places.</exception>
    public static void Check(IReadOnlyList<ImagePart> parts)
    {
        ImagePart[] high = [.. parts.Where(part => part.IsHigh).OrderBy(part => part.VirtualAddress)];
        for (int i = 0; i < high.Length; i++)
        {
            ImagePart part = high[i];
            bool isCanonical = part.VirtualAddress >= UpperHalf
                ? part.MemorySize - 1 <= ulong.MaxValue - part.VirtualAddress
                : part.VirtualAddress < LowerHalfEnd && part.MemorySize <= LowerHalfEnd - part.VirtualAddress;
            if (!isCanonical)
            {
                throw new GuestImageException(
                    $"{part.Name} (virtual address 0x{part.VirtualAddress:X}, 0x{part.MemorySize:X} bytes) does not lie in the canonical addresses, below 0x{LowerHalfEnd:X} or from 0x{UpperHalf:X} up.");
            }

            if (((part.VirtualAddress - part.Address) & PageMask) != 0)
            {
                throw new GuestImageException(
                    $"{part.Name} has the virtual address 0x{part.VirtualAddress:X} and the physical address 0x{part.Address:X}: their last three digits have to be the same, because memory is mapped in pages of 4 KiB.");
            }

            if (i > 0 && Delta(high[i - 1]) != Delta(part) && (LastByte(high[i - 1]) | PageMask) >= part.VirtualAddress)
            {
                throw new GuestImageException(
                    $"{high[i - 1].Name} and {part.Name} meet in the page at the virtual address 0x{part.VirtualAddress & ~PageMask:X}, but go to different places of memory.");
            }
        }
    }

    /// <summary>Maps them.</summary>
    /// <param name="image">The start environment.</param>
    /// <param name="parts">All parts of a program.</param>
    /// <exception cref="GuestImageException">There is no room for so many page tables.</exception>
    public static void Map(LongModeImageBuilder image, IReadOnlyList<ImagePart> parts)
    {
        foreach (ImagePart part in parts.Where(part => part.IsHigh))
        {
            ulong first = part.VirtualAddress & ~PageMask;
            if (!image.TryMapAlso(first, part.Address & ~PageMask, (LastByte(part) | PageMask) - first + 1))
            {
                throw new GuestImageException(
                    $"{part.Name}: there is no room for the page tables of its virtual addresses (0x{part.VirtualAddress:X}, 0x{part.MemorySize:X} bytes). Few are needed where virtual and physical addresses differ by a multiple of 2 MiB.");
            }
        }
    }

    private static ulong Delta(ImagePart part) => part.VirtualAddress - part.Address;

    // Parts have at least one byte.
    private static ulong LastByte(ImagePart part) => part.VirtualAddress + (part.MemorySize - 1);
}
