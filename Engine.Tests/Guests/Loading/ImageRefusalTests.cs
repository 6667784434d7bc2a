using Hyperpatch.Engine.Guests;
using Hyperpatch.Engine.Guests.Loading;
using Hyperpatch.Engine.Tests.Support;

namespace Hyperpatch.Engine.Tests.Guests.Loading;

/// <summary>What is wrong with an image file is named; nothing in it is believed.</summary>
public sealed class ImageRefusalTests
{
    private const int Header64 = ImageFiles.ProgramHeader64;
    private const int Header32 = ImageFiles.ProgramHeader32;

    // Change of a good ELF file, field, part of the message.
    private static readonly Dictionary<string, (Action<byte[]> Change, string Field, string Part)> s_elf = new()
    {
        ["class"] = (f => f[4] = 9, "image", "class is 9"),
        ["32-bit"] = (f => f[4] = 1, "image", "32-bit"),
        ["big-endian"] = (f => f[5] = 2, "image", "little-endian"),
        ["version"] = (f => f[6] = 0, "image", "version is 0"),
        ["relocatable"] = (f => ImageFiles.Put16(f, 16, 1), "image", "type 1"),
        ["shared"] = (f => ImageFiles.Put16(f, 16, 3), "image", "-no-pie"),
        ["machine"] = (f => ImageFiles.Put16(f, 18, 183), "image", "machine 183"),
        ["no headers"] = (f => ImageFiles.Put16(f, 56, 0), "image", "no program headers"),
        ["many headers"] = (f => ImageFiles.Put16(f, 56, 0xFFFF), "image", "65535 program headers"),
        ["headers beyond the end"] = (f => ImageFiles.Put16(f, 56, 100), "image", "lie beyond its end"),
        ["header size"] = (f => ImageFiles.Put16(f, 54, 8), "image", "8 bytes each"),
        ["header offset"] = (f => ImageFiles.Put64(f, 32, ulong.MaxValue - 8), "image", "lie beyond its end"),
        ["not to be loaded"] = (f => ImageFiles.Put32(f, Header64, 4), "image", "no segment of type LOAD"),
        ["interpreter"] = (f => ImageFiles.Put32(f, Header64, 3), "image", "-static"),
        ["offset"] = (f => ImageFiles.Put64(f, Header64 + 8, ulong.MaxValue), "image", "lies beyond the file's end"),
        ["stored size"] = (f => ImageFiles.Put64(f, Header64 + 32, ulong.MaxValue), "image", "lies beyond the file's end"),
        ["smaller in memory"] = (f => ImageFiles.Put64(f, Header64 + 40, 1), "image", "more bytes in the file"),
        ["size wraps"] = (f => ImageFiles.Put64(f, Header64 + 40, ulong.MaxValue), "image", "4 GiB or below"),
        ["not canonical"] = (f => ImageFiles.Put64(f, Header64 + 16, 0x0000_8000_0000_0000), "image", "canonical addresses"),
        ["beyond the lower half"] = (f => ImageFiles.Put64(f, Header64 + 16, 0x0000_7FFF_FFFF_F000), "image", "canonical addresses"),
        ["beyond the upper half"] = (f => ImageFiles.Put64(f, Header64 + 16, 0xFFFF_FFFF_FFFF_F000), "image", "canonical addresses"),
        ["within the page"] = (f => ImageFiles.Put64(f, Header64 + 16, 0xFFFF_FFFF_8010_0008), "image", "last three digits"),
        ["entry"] = (f => ImageFiles.Put64(f, 24, 0x20_0000), "image", "entry address 0x200000"),
        ["entry in zeros"] = (f => ImageFiles.Put64(f, 24, ImageFiles.Address + 0x800), "image", "entry address"),
        ["not executable"] = (f => ImageFiles.Put32(f, Header64 + 4, 6), "image", "entry address"),
        ["too low"] = (f => Move(f, 0x1000), "image", "below 0x100000"),
        ["too high"] = (f => Move(f, 0x80_0000), "memoryMiB", "at least 9 MiB"),
        ["zeros too large"] = (f => ImageFiles.Put64(f, Header64 + 40, 0x4000_0000), "memoryMiB", "at least 1025 MiB"),
    };

    private static readonly Dictionary<string, (byte[] File, ImageSettings Settings, string Field, string Part)> s_others = new()
    {
        ["empty"] = ([], new ImageSettings(), "image", "empty"),
        ["too long"] = (new byte[ImageGuest.MaximumBytes + 1], new ImageSettings(), "image", "32 MiB"),
        ["no ELF"] = ([0x90], new ImageSettings { Format = ImageFormat.Elf }, "image", "does not begin like an ELF file"),
        ["no Multiboot"] = (new byte[0x3000], new ImageSettings { Format = ImageFormat.Multiboot }, "image", "no Multiboot header"),
        ["ELF header cut"] = ("\u007fELF\u0002\u0001\u0001"u8.ToArray(), new ImageSettings(), "image", "within its header"),
        ["mode of an ELF file"] = (ImageFiles.Elf64([0xF4]), new ImageSettings { Mode = GuestMode.Long }, "mode", "flat images only"),
        ["load of an ELF file"] = (ImageFiles.Elf64([0xF4]), new ImageSettings { LoadAddress = 1 }, "loadAddress", "flat images only"),
        ["entry of an ELF file"] = (ImageFiles.Elf64([0xF4]), new ImageSettings { EntryAddress = 1 }, "entryAddress", "flat images only"),
        ["flat too low"] = ([0xF4], new ImageSettings { LoadAddress = 0x8000 }, "loadAddress", "below 0x100000"),
        ["flat in the vectors"] = ([0xF4], new ImageSettings { Mode = GuestMode.Real, LoadAddress = 0x400 }, "loadAddress", "below 0x600"),
        ["flat beyond 4 GiB"] = ([0xF4], new ImageSettings { LoadAddress = ulong.MaxValue }, "loadAddress", "first 4 GiB"),
        ["flat beyond memory"] = ([0xF4], new ImageSettings { LoadAddress = 0x40_0000 }, "memoryMiB", "at least 5 MiB"),
        ["real mode too high"] = ([0xF4], new ImageSettings { Mode = GuestMode.Real, LoadAddress = 0x10_0000 }, "loadAddress", "first MiB"),
        ["entry before"] = ([0xF4], new ImageSettings { EntryAddress = 0xF_FFFF }, "entryAddress", "does not lie in the image"),
        ["entry behind"] = ([0xF4], new ImageSettings { EntryAddress = 0x10_0001 }, "entryAddress", "does not lie in the image"),
        ["video mode"] = (ImageFiles.Elf32([0xF4], 4), new ImageSettings(), "image", "video mode"),
        ["load end"] = (Multiboot(f => ImageFiles.Put32(f, 28, 1)), new ImageSettings(), "image", "load end"),
        ["load too long"] = (Multiboot(f => ImageFiles.Put32(f, 28, 0xFFFF_FFFF)), new ImageSettings(), "image", "the file has"),
        ["load before the file"] = (Multiboot(f => ImageFiles.Put32(f, 24, 0)), new ImageSettings(), "image", "before the file's start"),
        ["load behind the header"] = (Multiboot(f => ImageFiles.Put32(f, 24, 0x10_0009)), new ImageSettings(), "image", "before the file's start"),
        ["bss end"] = (Multiboot(f => ImageFiles.Put32(f, 32, 0x10_0001)), new ImageSettings(), "image", "bss end"),
        ["header cut"] = (Multiboot(_ => { })[..30], new ImageSettings(), "image", "cut off"),
        ["addresses nowhere"] = (MultibootOnly(), new ImageSettings { Format = ImageFormat.Multiboot }, "image", "bit 16"),
        ["32-bit segment"] = (Elf32(f => ImageFiles.Put32(f, Header32 + 4, 0xFFFF_FFFF)), new ImageSettings(), "image", "lies beyond the file's end"),
        ["no room"] = (Elf32(f => { ImageFiles.Put32(f, Header32 + 12, 0); ImageFiles.Put32(f, Header32 + 20, 0x20_0000); }), new ImageSettings(), "image", "no room below 0x90000"),
    };

    public static TheoryData<string> ElfChanges => new(s_elf.Keys);

    public static TheoryData<string> Others => new(s_others.Keys);

    [Theory, MemberData(nameof(ElfChanges))]
    public void A_wrong_elf_file_is_refused_in_words(string row)
    {
        (Action<byte[]> change, string field, string part) = s_elf[row];
        byte[] file = ImageFiles.Elf64([0xF4, 0x90, 0x90, 0x90]);
        change(file);
        Refused(file, new ImageSettings(), field, part);
    }

    [Theory, MemberData(nameof(Others))]
    public void Other_images_are_refused_in_words(string row)
    {
        (byte[] file, ImageSettings settings, string field, string part) = s_others[row];
        Refused(file, settings, field, part);
    }

    [Theory]
    [InlineData(0xFFFF_FFFF_8000_1000, false)]
    [InlineData(0xFFFF_FFFF_8010_0000, true)]
    public void Page_tables_have_a_room_of_a_fixed_size(ulong linear, bool fits)
    {
        // 128 MiB in pages of 4 KiB do not fit, in pages of 2 MiB they do.
        byte[] file = ImageFiles.Elf64([0xF4], linear: linear, zeros: 128 << 20);
        var guest = ImageGuest.Read("kernel", file);
        GuestBuildOptions options = new(1, 256 << 20, "");
        if (fits)
        {
            Assert.Equal(linear, guest.Build(options).Processors[0].Rip);
        }
        else
        {
            Assert.Contains("no room for the page tables", Assert.Throws<GuestImageException>(() => guest.Build(options)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Segments_that_meet_in_a_page_go_to_the_same_place()
    {
        byte[] one = ImageFiles.Elf64([0xF4]);
        byte[] file = [.. one[..(Header64 + 56)], .. one[Header64..(Header64 + 56)], 0xF4];
        ImageFiles.Put16(file, 56, 2);
        ImageFiles.Put64(file, Header64 + 16, 0xFFFF_FFFF_8010_0000);
        ImageFiles.Put64(file, Header64 + 56 + 16, 0xFFFF_FFFF_8010_1002);
        ImageFiles.Put64(file, Header64 + 56 + 24, 0x20_1002);
        Refused(file, new ImageSettings(), "image", "ELF segment 0 and ELF segment 1 meet in the page at the virtual address 0xFFFFFFFF80101000");
    }

    [Fact]
    public void Overlapping_segments_are_refused()
    {
        byte[] one = ImageFiles.Elf64([0xF4]);
        byte[] file = [.. one[..(Header64 + 56)], .. one[Header64..(Header64 + 56)], 0xF4];
        ImageFiles.Put16(file, 56, 2);
        Refused(file, new ImageSettings(), "image", "ELF segment 0 and ELF segment 1 overlap at 0x100000");
    }

    [Theory]
    [InlineData(GuestMode.Real, 2, "", "processors")]
    [InlineData(GuestMode.Protected, 2, "", "processors")]
    [InlineData(GuestMode.Protected, 1, "words", "commandLine")]
    public void Legacy_code_has_one_processor_and_no_command_line(GuestMode mode, int processors, string commandLine, string field)
    {
        var guest = ImageGuest.Read("flat", new byte[] { 0xF4 }, new ImageSettings { Mode = mode });
        Assert.Equal(field, Assert.Throws<GuestImageException>(() => guest.Build(new GuestBuildOptions(processors, 4 << 20, commandLine))).Field);
    }

    [Fact]
    public void Random_files_are_loaded_within_memory_or_refused()
    {
        Random random = Seed.NewRandom();
        byte[][] seeds =
        [
            ImageFiles.Elf64([0xF4, 0x90]), ImageFiles.Elf32([0xF4, 0x90]), ImageFiles.MultibootByAddresses([0xF4, 0x90]), new byte[600],
        ];
        int loaded = 0, refused = 0;
        for (int round = 0; round < 20_000; round++)
        {
            byte[] file = Change(seeds[random.Next(seeds.Length)], random);
            var settings = new ImageSettings
            {
                Format = random.Next(4) == 0 ? (ImageFormat)random.Next(3) : null,
                Mode = random.Next(4) == 0 ? (GuestMode)random.Next(3) : null,
                LoadAddress = random.Next(6) == 0 ? (ulong)random.NextInt64() >> random.Next(64) : null,
                EntryAddress = random.Next(8) == 0 ? (ulong)random.NextInt64() >> random.Next(64) : null,
            };
            ulong memory = (ulong)random.Next(1, 8) << 20;
            try
            {
                var guest = ImageGuest.Read("random", file, settings);

                // Assembling the 64-bit environment takes its time, and does not depend on the file.
                if (guest.Mode == GuestMode.Long && loaded % 20 != 0)
                {
                    continue;
                }

                GuestImage image = guest.Build(new GuestBuildOptions(1, memory, ""));
                Assert.All(image.Segments, segment => Assert.True(segment.Address + (ulong)segment.Bytes.Length <= memory));
                Assert.True(image.Segments.Sum(segment => segment.Bytes.Length) <= file.Length + (1 << 20));
                loaded++;
            }
            catch (GuestImageException exception)
            {
                Assert.True(exception.Message.Length > 10 && exception.Field.Length > 0);
                refused++;
            }
        }

        Assert.True(loaded > 100 && refused > 1000, $"{loaded} loaded, {refused} refused");
    }

    private static byte[] Change(byte[] seed, Random random)
    {
        byte[] file = [.. seed];
        for (int i = random.Next(4); i > 0; i--)
        {
            int at = random.Next(file.Length);
            file[at] = random.Next(3) switch { 0 => 0, 1 => 0xFF, _ => (byte)random.Next(256) };
        }

        return random.Next(5) == 0 ? file[..random.Next(file.Length)] : file;
    }

    private static void Refused(byte[] file, ImageSettings settings, string field, string part)
    {
        GuestImageException refusal = Assert.Throws<GuestImageException>(
            () => ImageGuest.Read("image", file, settings).Build(new GuestBuildOptions(1, 4 << 20, "")));
        Assert.Equal(field, refusal.Field);
        Assert.Contains(part, refusal.Message, StringComparison.Ordinal);
    }

    private static void Move(byte[] file, ulong address)
    {
        ImageFiles.Put64(file, 24, address);
        ImageFiles.Put64(file, Header64 + 16, address);
        ImageFiles.Put64(file, Header64 + 24, address);
    }

    private static byte[] Multiboot(Action<byte[]> change)
    {
        byte[] file = ImageFiles.MultibootByAddresses([0xF4]);
        change(file);
        return file;
    }

    private static byte[] MultibootOnly()
    {
        byte[] file = new byte[64];
        ImageFiles.PutMultiboot(file, 0, 0);
        return file;
    }

    private static byte[] Elf32(Action<byte[]> change)
    {
        byte[] file = ImageFiles.Elf32([0xF4]);
        change(file);
        return file;
    }
}
