using Hyperpatch.Engine.Accelerators.Software.Apic;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>Registers through MSRs and through the page; the modes and the ways between them.</summary>
public sealed class LocalApicRegisterTests
{
    private const ulong Page = 0xFEE0_0000;

    public static TheoryData<ulong, ulong, bool> Transitions => new()
    {
        // From, to (bits 11 and 10 of IA32_APIC_BASE), legal.
        { 0x000, 0x000, true },
        { 0x000, 0x400, false },
        { 0x000, 0x800, true },
        { 0x000, 0xC00, false },
        { 0x800, 0x000, true },
        { 0x800, 0x400, false },
        { 0x800, 0x800, true },
        { 0x800, 0xC00, true },
        { 0xC00, 0x000, true },
        { 0xC00, 0x400, false },
        { 0xC00, 0x800, false },
        { 0xC00, 0xC00, true },
    };

    [Theory]
    [MemberData(nameof(Transitions))]
    public void Mode_transitions(ulong from, ulong to, bool isLegal)
    {
        ApicRig rig = new(1, ApicMode.XApic);
        rig.Apic.SetBase(Page | 0x100 | from);
        Assert.Equal(isLegal, rig.Apic.TryWriteMsr(0x1B, Page | 0x100 | to));
        Assert.Equal(Page | 0x100 | (isLegal ? to : from), rig.Read(0x1B));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(9)]
    [InlineData(40)]
    [InlineData(63)]
    public void Reserved_bits_of_the_base(int bit)
    {
        LocalApic apic = new(0, new ApicBus(), new ApicClock(), () => { }, physicalAddressBits: 40);
        Assert.False(apic.TryWriteBase(apic.Base | (1UL << bit)));
        Assert.Equal(Page | 0x900, apic.Base);
    }

    [Fact]
    public void The_page_is_there_in_xapic_mode_only_and_moves_with_the_base()
    {
        ApicRig rig = new(2, ApicMode.XApic);
        Assert.Equal(Page, rig.Apic.RegisterPage);
        Assert.Equal(Page | 0x800, rig.Apics[1].Base);
        rig.Write(0x1B, 0x1_2345_6000 | 0x900);
        Assert.Equal(0x1_2345_6000u, rig.Apic.RegisterPage);
        rig.Write(0x1B, Page | 0xD00);
        Assert.Equal(ulong.MaxValue, rig.Apic.RegisterPage);
        rig.Write(0x1B, Page | 0x100);
        Assert.Equal(ulong.MaxValue, rig.Apic.RegisterPage);
        Assert.Equal(ApicMode.Disabled, rig.Apic.Mode);
    }

    [Fact]
    public void Disabled_it_takes_nothing_and_has_forgotten_everything()
    {
        ApicRig rig = new(2);
        rig.Interrupt(0x55);
        rig.Write(0x808, 0x20);
        rig.Write(0x1B, Page | 0x100);
        Assert.Equal(-1, rig.Apic.GetInterrupt());
        foreach (ApicDelivery delivery in Enum.GetValues<ApicDelivery>())
        {
            Assert.False(rig.Bus.Send(null, ApicMessage.ToProcessor(0, delivery, 0x55)));
        }

        Assert.True(rig.Apics[1].TryWriteMsr(0x830, (2 << 18) | 0x55));
        rig.Write(0x1B, Page | 0x900);
        Assert.Equal(-1, rig.Apic.GetInterrupt());
        Assert.Equal(0u, rig.Apic.ReadPage(0x80, 4));
        Assert.Equal(0xFFu, rig.Apic.ReadPage(0xF0, 4));
    }

    [Fact]
    public void X2apic_registers_are_not_there_in_other_modes()
    {
        ApicRig rig = new(1, ApicMode.XApic);
        for (uint index = 0x800; index < 0x900; index++)
        {
            Assert.False(rig.Apic.TryReadMsr(index, out _));
            Assert.False(rig.Apic.TryWriteMsr(index, 0));
        }
    }

    [Fact]
    public void X2apic_registers_that_can_be_read_and_written()
    {
        // Number after 0x800: r can be read, w can be written (0).
        Dictionary<uint, string> rights = new()
        {
            [0x02] = "r", [0x03] = "r", [0x08] = "rw", [0x0A] = "r", [0x0B] = "w", [0x0D] = "r", [0x0F] = "rw", [0x28] = "rw",
            [0x30] = "rw", [0x32] = "rw", [0x33] = "rw", [0x34] = "rw", [0x35] = "rw", [0x36] = "rw", [0x37] = "rw", [0x38] = "rw",
            [0x39] = "r", [0x3E] = "rw", [0x3F] = "w",
        };
        for (uint i = 0x10; i < 0x28; i++)
        {
            rights[i] = "r";
        }

        ApicRig rig = new();
        for (uint i = 0; i < 0x100; i++)
        {
            string right = rights.GetValueOrDefault(i, "");
            Assert.True(rig.Apic.TryReadMsr(0x800 + i, out _) == right.Contains('r'), $"RDMSR 0x{0x800 + i:X}");
            Assert.True(rig.Apic.TryWriteMsr(0x800 + i, 0) == right.Contains('w'), $"WRMSR 0x{0x800 + i:X}");
        }
    }

    [Theory]
    [InlineData(0x808, 0xFFFF_FFFF_FFFF_FF00)]
    [InlineData(0x80B, ulong.MaxValue)]
    [InlineData(0x80F, 0xFFFF_FFFF_FFFF_EC00)]
    [InlineData(0x828, ulong.MaxValue)]
    [InlineData(0x830, 0xFFF3_2000)]
    [InlineData(0x832, 0xFFFF_FFFF_FFF8_EF00)]
    [InlineData(0x833, 0xFFFF_FFFF_FFFE_E800)]
    [InlineData(0x834, 0xFFFF_FFFF_FFFE_E800)]
    [InlineData(0x835, 0xFFFF_FFFF_FFFE_0800)]
    [InlineData(0x836, 0xFFFF_FFFF_FFFE_0800)]
    [InlineData(0x837, 0xFFFF_FFFF_FFFE_EF00)]
    [InlineData(0x838, 0xFFFF_FFFF_0000_0000)]
    [InlineData(0x83E, 0xFFFF_FFFF_FFFF_FFF4)]
    [InlineData(0x83F, 0xFFFF_FFFF_FFFF_FF00)]
    public void X2apic_reserved_bits(uint index, ulong reserved)
    {
        ApicRig rig = new();
        // Of the masked entries and of destinations that are nowhere: only whether it is allowed is looked at.
        for (int bit = 0; bit < 64; bit++)
        {
            bool isReserved = (reserved & (1UL << bit)) != 0;
            Assert.True(rig.Apic.TryWriteMsr(index, 1UL << bit) != isReserved, $"bit {bit}");
        }
    }

    [Fact]
    public void X2apic_id_and_logical_id()
    {
        ApicRig rig = new(37);
        Assert.True(rig.Apics[36].TryReadMsr(0x802, out ulong id));
        Assert.True(rig.Apics[36].TryReadMsr(0x80D, out ulong logical));
        Assert.Equal(36u, id);
        Assert.Equal(0x0002_0010u, logical);
        Assert.Equal(0x0105_0014u, rig.Read(0x803));
    }

    [Theory]
    [InlineData(0x020, 0x0000_0000, 0x0000_0000)]
    [InlineData(0x030, 0xFFFF_FFFF, 0x0105_0014)]
    [InlineData(0x080, 0xFFFF_FFFF, 0x0000_00FF)]
    [InlineData(0x0A0, 0xFFFF_FFFF, 0x0000_0000)]
    [InlineData(0x0D0, 0xFFFF_FFFF, 0xFF00_0000)]
    [InlineData(0x0E0, 0x0000_0000, 0x0FFF_FFFF)]
    [InlineData(0x0F0, 0xFFFF_FFFF, 0x0000_13FF)]
    [InlineData(0x100, 0xFFFF_FFFF, 0x0000_0000)]
    [InlineData(0x200, 0xFFFF_FFFF, 0x0000_0000)]
    [InlineData(0x300, 0xFFF3_B7FF, 0x0000_87FF)]
    [InlineData(0x310, 0xFFFF_FFFF, 0xFF00_0000)]
    [InlineData(0x320, 0xFFFF_FFFF, 0x0007_00FF)]
    [InlineData(0x330, 0xFFFF_FFFF, 0x0001_07FF)]
    [InlineData(0x340, 0xFFFF_FFFF, 0x0001_07FF)]
    [InlineData(0x350, 0xFFFF_FFFF, 0x0001_A7FF)]
    [InlineData(0x360, 0xFFFF_FFFF, 0x0001_A7FF)]
    [InlineData(0x370, 0xFFFF_FFFF, 0x0001_00FF)]
    [InlineData(0x390, 0xFFFF_FFFF, 0x0000_0000)]
    [InlineData(0x3E0, 0xFFFF_FFFF, 0x0000_000B)]
    public void Page_registers_keep_what_they_have(uint offset, uint written, uint read)
    {
        ApicRig rig = new(1, ApicMode.XApic);
        rig.Apic.WritePage(offset, 4, written);
        Assert.Equal(read, rig.Apic.ReadPage(offset, 4));
    }

    [Fact]
    public void Page_accesses_of_other_sizes()
    {
        ApicRig rig = new(1, ApicMode.XApic);
        Assert.Equal(0x14u, rig.Apic.ReadPage(0x30, 1));
        Assert.Equal(0x05u, rig.Apic.ReadPage(0x32, 1));
        Assert.Equal(0x0105u, rig.Apic.ReadPage(0x32, 2));
        Assert.Equal(0x0105_0014u, rig.Apic.ReadPage(0x30, 8));
        Assert.Equal(0u, rig.Apic.ReadPage(0x34, 4));
        foreach (int size in (int[])[1, 2, 8])
        {
            rig.Apic.WritePage(0x80, size, 0x20);
        }

        rig.Apic.WritePage(0x84, 4, 0x20);
        Assert.Equal(0u, rig.Apic.ReadPage(0x80, 4));
    }

    [Fact]
    public void Page_registers_that_are_not_there_are_errors()
    {
        ApicRig rig = new(1, ApicMode.XApic);
        uint[] there =
        [
            0x020, 0x030, 0x080, 0x090, 0x0A0, 0x0B0, 0x0C0, 0x0D0, 0x0E0, 0x0F0, 0x280, 0x300, 0x310,
            0x320, 0x330, 0x340, 0x350, 0x360, 0x370, 0x380, 0x390, 0x3E0,
        ];
        for (uint offset = 0; offset < 0x1000; offset += 16)
        {
            _ = rig.Apic.ReadPage(offset, 4);
            rig.Apic.WritePage(0x280, 4, 0);
            bool isThere = there.Contains(offset) || offset is >= 0x100 and < 0x280;
            Assert.True(rig.Apic.ReadPage(0x280, 4) == (isThere ? 0u : 0x80u), $"0x{offset:X}");
        }
    }

    [Fact]
    public void Page_end_of_interrupt_takes_any_value()
    {
        ApicRig rig = new(1, ApicMode.XApic);
        rig.Interrupt(0x55);
        Assert.Equal([0x55], rig.TakeAll());
        rig.Apic.WritePage(0xB0, 4, 0xFFFF_FFFF);
        Assert.Equal(0u, rig.Apic.ReadPage(0x120, 4));
    }

    [Fact]
    public void From_xapic_to_x2apic_the_registers_stay()
    {
        ApicRig rig = new(1, ApicMode.XApic);
        rig.Apic.WritePage(0x80, 4, 0x60);
        rig.Apic.WritePage(0x350, 4, 0x1_0044);
        rig.Interrupt(0x55);
        rig.Write(0x1B, Page | 0xD00);
        Assert.Equal(0x60u, rig.Read(0x808));
        Assert.Equal(0x1_0044u, rig.Read(0x835));
        Assert.Equal(1u << 21, rig.Read(0x822));
    }
}
