using System.Collections.Immutable;
using System.Text;
using Hyperpatch.Engine.Guests.Images;

namespace Hyperpatch.Engine.Guests.Loading;

/// <summary>
/// A guest from an image file. The file is somebody else's: nothing in it is believed, and what is wrong with it is said.
/// </summary>
/// <remarks>
/// How it starts. <b>64-bit</b> (flat in that mode, ELF): on every processor at the entry, CPL 0, the first 4 GiB mapped one to one, interrupts
/// off, a stack of 4 KiB each, an IDT whose handlers print the exception and end the machine (status 7), RDI = the processor's index, RSI =
/// the command line, closed by a zero. Everything below 1 MiB is the environment's. ELF segments go to their physical addresses, as boot loaders
/// put them; those that are linked above 4 GiB are mapped at their virtual addresses, too. <b>32-bit</b> (flat in that mode, Multiboot): one processor, flat
/// segments, paging and interrupts off; Multiboot: EAX = 0x2BADB002, EBX = the boot information with memory sizes and map, command line and loader's name.
/// <b>16-bit</b> (flat in that mode): one processor, at 0000:7C00 as a boot sector unless an address is given; there is no BIOS.
/// </remarks>
public sealed class ImageGuest : MachineGuest
{
    /// <summary>Bytes that an image file has at most.</summary>
    public const int MaximumBytes = 32 << 20;

    private const ulong LowestProgram = 0x10_0000;
    private const ulong RealModeLoadAddress = 0x7C00;
    private const ulong RealModeLimit = 0xF_FFFF;

    private readonly ProgramFile _program;

    private ImageGuest(string name, ImageFormat format, GuestMode mode, ProgramFile program)
    {
        Name = name;
        Format = format;
        Mode = mode;
        _program = program;
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <summary>Form of the file.</summary>
    public ImageFormat Format { get; }

    /// <inheritdoc/>
    public override GuestMode Mode { get; }

    /// <summary>What the file brings along, by address, the start environment not included; at least one piece.</summary>
    public ImmutableArray<GuestSegment> Content => [.. _program.Segments];

    /// <summary>Guest-physical address of the first instruction.</summary>
    public ulong Entry => _program.Entry;

    /// <inheritdoc/>
    public override int MaximumProcessors => Mode == GuestMode.Long ? base.MaximumProcessors : 1;

    /// <inheritdoc/>
    public override int MinimumMemoryMiB => 2;

    /// <summary>Reads an image file.</summary>
    /// <param name="name">Its name for people.</param>
    /// <param name="file">Its content, which is not to be changed any more.</param>
    /// <param name="settings">What is known about it beyond its content.</param>
    /// <exception cref="GuestImageException">It cannot be loaded.</exception>
    public static ImageGuest Read(string name, ReadOnlyMemory<byte> file, ImageSettings? settings = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        settings ??= new ImageSettings();
        if (file.Length is 0 or > MaximumBytes)
        {
            throw new GuestImageException(file.IsEmpty ? "The image file is empty." : $"The image file has {file.Length} bytes; {MaximumBytes >> 20} MiB at most are taken.");
        }

        bool hasHeader = MultibootHeader.TryFind(file.Span, out MultibootHeader header);
        ImageFormat format = settings.Format
            ?? (hasHeader && (header.HasAddresses || ElfFile.Is32Bit(file.Span)) ? ImageFormat.Multiboot
                : ElfFile.HasMagic(file.Span) ? ImageFormat.Elf
                : ImageFormat.Flat);
        if (format == ImageFormat.Flat)
        {
            return ReadFlat(name, file, settings);
        }

        RefuseFlatSettings(format, settings);
        if (format == ImageFormat.Elf)
        {
            return new ImageGuest(name, format, GuestMode.Long, ElfFile.Read64(file));
        }

        return hasHeader
            ? new ImageGuest(name, format, GuestMode.Protected, header.Read(file))
            : throw new GuestImageException("The file has no Multiboot header (1BADB002 with the right checksum in its first 8192 bytes, at a multiple of 4).");
    }

    /// <inheritdoc/>
    public override GuestImage Build(GuestBuildOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Processors < 1 || options.Processors > MaximumProcessors)
        {
            throw new GuestImageException("processors", $"An image that starts in {Bits}-bit code runs on one processor.");
        }

        if (Mode != GuestMode.Long && Format != ImageFormat.Multiboot && options.CommandLine.Length > 0)
        {
            throw new GuestImageException("commandLine", $"A flat {Bits}-bit image takes no command line.");
        }

        if (options.MemoryBytes < (ulong)MinimumMemoryMiB << 20)
        {
            throw new GuestImageException("memoryMiB", $"An image needs at least {MinimumMemoryMiB} MiB of memory.");
        }

        string tooLow = Format == ImageFormat.Flat ? "loadAddress" : "image";
        ulong lowest = Mode switch
        {
            GuestMode.Real => LegacyEnvironment.RealModeEnd,
            _ when Format == ImageFormat.Multiboot => 0,
            _ => LowestProgram,
        };
        _program.RequireRoom(lowest, options.MemoryBytes, tooLow);
        return Mode switch
        {
            GuestMode.Real => LegacyEnvironment.Real(_program),
            GuestMode.Protected when Format == ImageFormat.Multiboot => LegacyEnvironment.Protected(
                _program, MultibootInformation.Magic, address => MultibootInformation.Build(address, options.MemoryBytes, options.CommandLine)),
            GuestMode.Protected => LegacyEnvironment.Protected(_program, 0, null),
            _ => BuildLong(options),
        };
    }

    private int Bits => Mode switch { GuestMode.Real => 16, GuestMode.Protected => 32, _ => 64 };

    private static ImageGuest ReadFlat(string name, ReadOnlyMemory<byte> file, ImageSettings settings)
    {
        GuestMode mode = settings.Mode ?? GuestMode.Long;
        ulong load = settings.LoadAddress ?? (mode == GuestMode.Real ? RealModeLoadAddress : LowestProgram);
        ulong entry = settings.EntryAddress ?? load;
        if (load > ProgramFile.AddressLimit - (ulong)file.Length)
        {
            throw new GuestImageException("loadAddress", $"Loaded at 0x{load:X}, the image does not end within the first 4 GiB.");
        }

        if (entry < load || entry - load >= (ulong)file.Length)
        {
            throw new GuestImageException("entryAddress", $"The entry address 0x{entry:X} does not lie in the image, which goes from 0x{load:X} to 0x{load + (ulong)file.Length - 1:X}.");
        }

        return mode == GuestMode.Real && entry > RealModeLimit
            ? throw new GuestImageException(settings.EntryAddress is null ? "loadAddress" : "entryAddress", $"Real mode starts in the first MiB, not at 0x{entry:X}.")
            : new ImageGuest(name, ImageFormat.Flat, mode, new ProgramFile([new ImagePart("The image", load, file, (ulong)file.Length, load, true)], entry));
    }

    private static void RefuseFlatSettings(ImageFormat format, ImageSettings settings)
    {
        string? field = settings.Mode is not null ? "mode" : settings.LoadAddress is not null ? "loadAddress" : settings.EntryAddress is not null ? "entryAddress" : null;
        if (field is not null)
        {
            throw new GuestImageException(field, $"This is for flat images only: the {(format == ImageFormat.Elf ? "ELF file" : "Multiboot image")} says itself how it starts.");
        }
    }

    private GuestImage BuildLong(GuestBuildOptions options)
    {
        ulong commandLine = 0;
        GuestImage environment = LongModeImage.Build(
            b =>
            {
                commandLine = b.Constant([.. Encoding.ASCII.GetBytes(options.CommandLine), 0]);
                HighMapping.Map(b, _program.Parts);
            },
            new LongModeOptions { Processors = options.Processors, IsBelowProgram = true }).Image;
        return new GuestImage
        {
            Segments = [.. environment.Segments, .. _program.Segments],
            Processors = [.. environment.Processors.Select(start => start with { Rip = _program.LinearEntry, Rsi = commandLine })],
        };
    }
}
