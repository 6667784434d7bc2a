using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace Hyperpatch.Engine.Guests.Loading;

/// <summary>
/// Reads what a loader needs of a static ELF executable for x86 (System V ABI, chapters 4 and 5): the header and the program headers.
/// Nothing in the file is believed: every offset, size and count is checked against the file's length.
/// </summary>
internal static class ElfFile
{
    private const int MostProgramHeaders = 128;
    private const int IdentificationSize = 16;
    private const ushort Executable = 2;
    private const ushort PositionIndependent = 3;
    private const uint LoadSegment = 1;
    private const uint InterpreterSegment = 3;
    private const uint ExecuteFlag = 1;

    /// <summary>Whether the file begins like an ELF file.</summary>
    /// <param name="file">The file.</param>
    public static bool HasMagic(ReadOnlySpan<byte> file) => file.StartsWith("\u007fELF"u8);

    /// <summary>Whether it is an ELF file of the 32-bit class.</summary>
    /// <param name="file">The file.</param>
    public static bool Is32Bit(ReadOnlySpan<byte> file) => HasMagic(file) && file.Length > 4 && file[4] == 1;

    /// <summary>
    /// Reads a 64-bit executable. Segments go to their physical addresses; what is linked above 4 GiB is there at its virtual addresses, too,
    /// and entered there. Below, memory is mapped one to one, and an entry that is a virtual address becomes the physical one.
    /// </summary>
    /// <param name="file">The file.</param>
    /// <exception cref="GuestImageException">It cannot be loaded.</exception>
    public static ProgramFile Read64(ReadOnlyMemory<byte> file)
    {
        (List<ImagePart> parts, ulong entry) = Read(file, is64: true);
        HighMapping.Check(parts);
        return Program(parts, entry);
    }

    /// <summary>Reads a 32-bit executable for a start without paging: an entry that is a virtual address becomes the physical one.</summary>
    /// <param name="file">The file.</param>
    /// <exception cref="GuestImageException">It cannot be loaded.</exception>
    public static ProgramFile Read32(ReadOnlyMemory<byte> file)
    {
        (List<ImagePart> parts, ulong entry) = Read(file, is64: false);
        return Program(parts, entry);
    }

    private static ProgramFile Program(List<ImagePart> parts, ulong entry)
    {
        ImagePart? home = parts.Find(part => entry >= part.VirtualAddress && entry - part.VirtualAddress < part.MemorySize);
        ulong physical = home is null ? entry : entry - home.VirtualAddress + home.Address;
        return new ProgramFile(parts, physical, home is { IsHigh: true } ? entry : physical);
    }

    private static (List<ImagePart> Parts, ulong Entry) Read(ReadOnlyMemory<byte> file, bool is64)
    {
        ReadOnlySpan<byte> bytes = file.Span;
        (int headerSize, int entrySize) = is64 ? (64, 56) : (52, 32);
        CheckIdentification(bytes, is64, headerSize);
        ushort type = BinaryPrimitives.ReadUInt16LittleEndian(bytes[16..]), machine = BinaryPrimitives.ReadUInt16LittleEndian(bytes[18..]);
        Require(
            type == Executable,
            type == PositionIndependent ? "The ELF file is position-independent or a shared object; link it with -static -no-pie." : $"The ELF file is of type {type}; only executables (type 2) can be started. Link it first.");
        Require(machine == (is64 ? 62 : 3), $"The ELF file is for machine {machine}; {(is64 ? "62 (x86-64)" : "3 (80386)")} is needed.");
        ulong entry = is64 ? Long(bytes[24..]) : Word(bytes[24..]);
        ulong table = is64 ? Long(bytes[32..]) : Word(bytes[28..]);
        int sizes = is64 ? 54 : 42;
        int size = BinaryPrimitives.ReadUInt16LittleEndian(bytes[sizes..]), count = BinaryPrimitives.ReadUInt16LittleEndian(bytes[(sizes + 2)..]);
        Require(count > 0, "The ELF file has no program headers: there is nothing to load. Link it first.");
        Require(count <= MostProgramHeaders, $"The ELF file has {count} program headers; {MostProgramHeaders} at most are read.");
        Require(size == entrySize, $"The ELF file's program headers have {size} bytes each instead of {entrySize}.");
        Require(
            table <= (ulong)bytes.Length && (ulong)(count * size) <= (ulong)bytes.Length - table,
            $"The ELF file's program headers (offset 0x{table:X}, {count} of {size} bytes) lie beyond its end (0x{bytes.Length:X} bytes).");

        List<ImagePart> parts = [];
        for (int i = 0; i < count; i++)
        {
            if (ReadPart(file, bytes.Slice((int)table + (i * size), size), is64, i) is { } part)
            {
                parts.Add(part);
            }
        }

        Require(parts.Count > 0, "The ELF file has no segment of type LOAD: there is nothing to load.");
        return (parts, entry);
    }

    private static ImagePart? ReadPart(ReadOnlyMemory<byte> file, ReadOnlySpan<byte> header, bool is64, int index)
    {
        uint type = Word(header);
        Require(type != InterpreterSegment, "The ELF file asks for a dynamic loader; link it with -static.");
        if (type != LoadSegment)
        {
            return null;
        }

        uint flags = is64 ? Word(header[4..]) : Word(header[24..]);
        (ulong offset, ulong linear, ulong physical, ulong stored, ulong size) = is64
            ? (Long(header[8..]), Long(header[16..]), Long(header[24..]), Long(header[32..]), Long(header[40..]))
            : (Word(header[4..]), Word(header[8..]), Word(header[12..]), Word(header[16..]), Word(header[20..]));
        string name = $"ELF segment {index}";
        ulong length = (ulong)file.Length;
        Require(offset <= length && stored <= length - offset, $"{name} (offset 0x{offset:X}, 0x{stored:X} bytes) lies beyond the file's end (0x{length:X} bytes).");
        Require(stored <= size, $"{name} has more bytes in the file (0x{stored:X}) than in memory (0x{size:X}).");
        return size == 0 ? null : new ImagePart(name, physical, file.Slice((int)offset, (int)stored), size, linear, (flags & ExecuteFlag) != 0);
    }

    private static void CheckIdentification(ReadOnlySpan<byte> bytes, bool is64, int headerSize)
    {
        Require(HasMagic(bytes), "The file does not begin like an ELF file (7F 45 4C 46).");
        Require(bytes.Length >= IdentificationSize && bytes.Length >= headerSize, $"The ELF file ends within its header ({bytes.Length} of {headerSize} bytes).");
        Require(bytes[4] == (is64 ? 2 : 1), is64
            ? bytes[4] == 1 ? "The ELF file is a 32-bit one; those start only with a Multiboot header in them." : $"The ELF file's class is {bytes[4]}; 2 (64-bit) is needed."
            : $"The ELF file's class is {bytes[4]}; 1 (32-bit) is needed.");
        Require(bytes[5] == 1, "The ELF file is not little-endian.");
        Require(bytes[6] == 1, $"The ELF file's version is {bytes[6]}; only 1 is known.");
    }

    private static ulong Long(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt64LittleEndian(bytes);

    private static uint Word(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt32LittleEndian(bytes);

    private static void Require([DoesNotReturnIf(false)] bool isRight, string message)
    {
        if (!isRight)
        {
            throw new GuestImageException(message);
        }
    }
}
