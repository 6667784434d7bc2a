using Hyperpatch.Engine.Guests;
using Hyperpatch.Engine.Guests.Loading;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Guests.Loading;

/// <summary>Image files start as is written at <see cref="ImageGuest"/>, on every back end.</summary>
public sealed class ImageGuestTests
{
    public static TheoryData<Backend> All => Backends.All;

    public static MatrixTheoryData<Backend, GuestMode> Modes => Backends.With(GuestMode.Real, GuestMode.Protected, GuestMode.Long);

    [Theory, MemberData(nameof(Modes))]
    public void Flat_code_makes_its_first_hypercall(Backend backend, GuestMode mode)
    {
        int bits = mode switch { GuestMode.Real => 16, GuestMode.Protected => 32, _ => 64 };
        byte[] file = ImageFiles.Code(bits, 0, ImageFiles.CallAndExit);
        using TestMachine machine = Create(backend, ImageGuest.Read("flat", file, new ImageSettings { Mode = mode }));
        machine.RunToEnd(expected: 1);
        HypercallSite site = Assert.Single(machine.Machine.Sites.All());
        // MOV EAX, 1 is a byte longer in 16-bit code.
        Assert.Equal(bits == 16 ? 0x7C06UL : 0x10_0005UL, site.Linear);
        Assert.Equal(1, machine.Served);
    }

    [Theory, MemberData(nameof(All))]
    public void A_flat_image_is_entered_where_it_is_said(Backend backend)
    {
        byte[] code = ImageFiles.Code(64, 0, ImageFiles.CallAndExit);
        byte[] file = [0x0F, 0x0B, 0x90, .. code];
        using TestMachine machine = Create(backend, ImageGuest.Read("flat", file, new ImageSettings { LoadAddress = 0x20_0000, EntryAddress = 0x20_0003 }));
        machine.RunToEnd(expected: 1);
        Assert.Equal(0x20_0008UL, Assert.Single(machine.Machine.Sites.All()).Linear);
    }

    [Theory, MemberData(nameof(All))]
    public void An_elf_file_runs_on_every_processor_with_its_command_line(Backend backend)
    {
        byte[] file = ImageFiles.Elf64(ImageFiles.Code(64, ImageFiles.Address, c =>
        {
            // Processor 1 stops, processor 0 prints.
            Label first = c.CreateLabel();
            c.test(edi, edi);
            c.je(first);
            c.hlt();
            c.Label(ref first);
            ImageFiles.PrintAndExit(c);
        }));
        var guest = ImageGuest.Read("kernel.elf", file);
        Assert.Equal((ImageFormat.Elf, GuestMode.Long), (guest.Format, guest.Mode));
        using TestMachine machine = Create(backend, guest, 2, "console=ttyS0 quiet");
        machine.RunToEnd(expected: 1);
        Assert.Equal("console=ttyS0 quiet", machine.Serial);
    }

    [Theory, MemberData(nameof(All))]
    public void A_kernel_of_the_upper_half_runs_where_it_is_linked(Backend backend)
    {
        const ulong High = 0xFFFF_FFFF_8010_0000;
        byte[] file = ImageFiles.Elf64(
            ImageFiles.Code(64, High, c =>
            {
                // Written at its linked address, read at its physical one.
                Label wrong = c.CreateLabel();
                c.mov(rbx, High + 0x800);
                c.mov(__byte_ptr[rbx], 5);
                c.mov(al, __byte_ptr[0x10_0800]);
                c.cmp(al, 5);
                c.jne(wrong);
                ImageFiles.CallAndExit(c);
                c.Label(ref wrong);
                c.ud2();
            }),
            linear: High);
        var guest = ImageGuest.Read("kernel", file);
        Assert.Equal(ImageFiles.Address, guest.Entry);
        using TestMachine machine = Create(backend, guest);
        machine.RunToEnd(expected: 1);
        Assert.InRange(Assert.Single(machine.Machine.Sites.All()).Linear, High, High + 0x100);
    }

    [Theory]
    [InlineData(0xFFFF_FFFF_8010_0000, 0xFFFF_FFFF_8010_0000, 0xFFFF_FFFF_8010_0000)]
    [InlineData(0x0000_7FFF_FFE0_0000, 0x0000_7FFF_FFE0_0000, 0x0000_7FFF_FFE0_0000)]
    [InlineData(0xFFFF_FFFF_8010_0000, 0x10_0000, 0x10_0000)]
    [InlineData(0x40_0000, 0x40_0000, 0x10_0000)]
    [InlineData(0x40_0000, 0x10_0000, 0x10_0000)]
    public void An_entry_is_a_linked_or_a_physical_address(ulong linear, ulong entry, ulong start)
    {
        byte[] file = ImageFiles.Elf64(ImageFiles.Code(64, linear, ImageFiles.CallAndExit), linear: linear);
        ImageFiles.Put64(file, 24, entry);
        using TestMachine machine = Create(Backend.Software, ImageGuest.Read("kernel", file));
        machine.RunToEnd(expected: 1);
        Assert.Equal(start + 5, Assert.Single(machine.Machine.Sites.All()).Linear);
    }

    [Theory, MemberData(nameof(All))]
    public void An_exception_that_nobody_handles_is_printed(Backend backend)
    {
        using TestMachine machine = Create(backend, ImageGuest.Read("flat", new byte[] { 0x0F, 0x0B }));
        machine.RunToEnd(expected: 7);
        Assert.Contains("panic: #UD at 0x100000", machine.Serial, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(GuestMode.Real)]
    [InlineData(GuestMode.Protected)]
    public void Nor_is_it_a_triple_fault_without_paging(GuestMode mode)
    {
        using TestMachine machine = Create(Backend.Software, ImageGuest.Read("flat", new byte[] { 0xCD, 0x10 }, new ImageSettings { Mode = mode }));
        machine.RunToEnd(expected: 7);
        Assert.StartsWith("panic: ", machine.Serial, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(All))]
    public void A_multiboot_image_gets_the_boot_information(Backend backend)
    {
        byte[] code = ImageFiles.Code(32, ImageFiles.Address + 40, c =>
        {
            // Status 3 where EAX is not the loader's magic or there are not 3 MiB above the first.
            Label right = c.CreateLabel(), wrong = c.CreateLabel();
            c.cmp(eax, 0x2BADB002);
            c.jne(wrong);
            c.cmp(__dword_ptr[ebx + 8], 3 << 10);
            c.je(right);
            c.Label(ref wrong);
            c.mov(al, 1);
            c.@out(0xF4, al);
            c.hlt();
            c.Label(ref right);
            c.mov(esi, __dword_ptr[ebx + 16]);
            ImageFiles.PrintAndExit(c);
        });
        var guest = ImageGuest.Read("kernel", ImageFiles.MultibootByAddresses(code));
        Assert.Equal((ImageFormat.Multiboot, GuestMode.Protected), (guest.Format, guest.Mode));
        using TestMachine machine = Create(backend, guest, commandLine: "root=none");
        machine.RunToEnd(expected: 1);
        Assert.Equal("root=none", machine.Serial);
    }

    [Fact]
    public void A_multiboot_elf_file_is_entered_at_the_physical_address()
    {
        byte[] file = ImageFiles.Elf32(ImageFiles.Code(32, ImageFiles.Address + 12, ImageFiles.CallAndExit));
        using TestMachine machine = Create(Backend.Software, ImageGuest.Read("kernel", file));
        machine.RunToEnd(expected: 1);
        Assert.Equal(ImageFiles.Address + 12 + 5, Assert.Single(machine.Machine.Sites.All()).Linear);
    }

    [Fact]
    public void What_lies_behind_a_segments_content_is_zero_again_after_a_reset()
    {
        // Ends with status (variable << 1) | 1 and sets the variable, which is behind the file's content.
        byte[] file = ImageFiles.Elf64(ImageFiles.Code(64, ImageFiles.Address, c =>
        {
            c.mov(al, __byte_ptr[0x10_0800]);
            c.mov(__byte_ptr[0x10_0800], 5);
            c.@out(0xF4, al);
            c.hlt();
        }));
        using TestMachine machine = Create(Backend.Software, ImageGuest.Read("kernel", file));
        machine.RunToEnd(expected: 1);
        machine.Machine.Reset();
        machine.RunToEnd(expected: 1);
    }

    private static TestMachine Create(Backend backend, ImageGuest guest, int processors = 1, string commandLine = "") => TestMachine.Create(
        backend,
        guest.Build(new GuestBuildOptions(processors, 4 << 20, commandLine)),
        GuestVendor.Intel,
        PatchPolicy.Force,
        new VirtualMachineOptions { MemoryMiB = 4 });
}
