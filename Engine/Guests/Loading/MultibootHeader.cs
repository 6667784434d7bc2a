using System.Buffers.Binary;

namespace Hyperpatch.Engine.Guests.Loading;

/// <summary>The header of a Multiboot image (Multiboot Specification 0.6.96, 3.1), and the program as it says.</summary>
/// <param name="Offset">Where in the file it is.</param>
/// <param name="Flags">What the image asks for.</param>
internal readonly record struct MultibootHeader(int Offset, uint Flags)
{
    private const uint Magic = 0x1BADB002;
    private const int SearchLength = 8192;
    private const int ShortLength = 12;
    private const int LongLength = 32;
    private const uint AlignModules = 1;
    private const uint MemoryInformation = 2;
    private const uint RequiredFlags = 0xFFFF;
    private const uint AddressesFlag = 0x1_0000;

    /// <summary>Whether the header itself says where the image goes.</summary>
    public bool HasAddresses => (Flags & AddressesFlag) != 0;

    /// <summary>Looks for a header: in the first 8192 bytes, at a multiple of 4, with the right checksum.</summary>
    /// <param name="file">The file.</param>
    /// <param name="header">The first one.</param>
    public static bool TryFind(ReadOnlySpan<byte> file, out MultibootHeader header)
    {
        int end = Math.Min(file.Length, SearchLength) - ShortLength;
        for (int at = 0; at <= end; at += 4)
        {
            uint magic = Word(file, at), flags = Word(file, at + 4), checksum = Word(file, at + 8);
            if (magic == Magic && unchecked(magic + flags + checksum) == 0)
            {
                header = new MultibootHeader(at, flags);
                return true;
            }
        }

        header = default;
        return false;
    }

    /// <summary>The program.</summary>
    /// <param name="file">The file, in which the header was found.</param>
    /// <exception cref="GuestImageException">The image asks for what is not offered, or its addresses are wrong.</exception>
    public ProgramFile Read(ReadOnlyMemory<byte> file)
    {
        uint unknown = Flags & RequiredFlags & ~(AlignModules | MemoryInformation);
        if (unknown != 0)
        {
            throw new GuestImageException(
                $"The Multiboot header requires what is not offered (flags 0x{unknown:X}{((unknown & 4) != 0 ? "; bit 2 is a video mode" : "")}).");
        }

        return HasAddresses ? ReadByAddresses(file)
            : ElfFile.Is32Bit(file.Span) ? ElfFile.Read32(file)
            : throw new GuestImageException("The Multiboot image is no 32-bit ELF file, and its header has no addresses (flag bit 16): it is not known where it goes.");
    }

    private ProgramFile ReadByAddresses(ReadOnlyMemory<byte> file)
    {
        ReadOnlySpan<byte> bytes = file.Span;
        if (bytes.Length - Offset < LongLength)
        {
            throw new GuestImageException($"The Multiboot header at offset 0x{Offset:X} is cut off by the file's end.");
        }

        ulong header = Word(bytes, Offset + 12), load = Word(bytes, Offset + 16), loadEnd = Word(bytes, Offset + 20);
        ulong bssEnd = Word(bytes, Offset + 24), entry = Word(bytes, Offset + 28);
        if (load > header || header - load > (ulong)Offset)
        {
            throw new GuestImageException($"The Multiboot header's load address 0x{load:X} lies before the file's start: the header is at 0x{header:X} and offset 0x{Offset:X}.");
        }

        ulong start = (ulong)Offset - (header - load);
        ulong available = (ulong)bytes.Length - start;
        ulong length = loadEnd == 0 ? available
            : loadEnd >= load ? loadEnd - load
            : throw new GuestImageException($"The Multiboot header's load end 0x{loadEnd:X} lies before the load address 0x{load:X}.");
        if (length > available)
        {
            throw new GuestImageException($"The Multiboot header asks for 0x{length:X} bytes from offset 0x{start:X}; the file has 0x{available:X} there.");
        }

        if (bssEnd != 0 && bssEnd < load + length)
        {
            throw new GuestImageException($"The Multiboot header's bss end 0x{bssEnd:X} lies before the load end 0x{load + length:X}.");
        }

        ulong size = bssEnd == 0 ? length : bssEnd - load;
        return new ProgramFile([new ImagePart("The Multiboot image", load, file.Slice((int)start, (int)length), size, load, true)], entry);
    }

    private static uint Word(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);
}
