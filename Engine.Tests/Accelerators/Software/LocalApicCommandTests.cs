using Hyperpatch.Engine.Accelerators.Software.Apic;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>Interprocessor interrupts: every delivery mode, destination and shorthand.</summary>
public sealed class LocalApicCommandTests
{
    private const uint Command = 0x830;
    private const uint Logical = 0x800;
    private const uint Lowest = 0x100;
    private const uint Nmi = 0x400;
    private const uint Init = 0x500;
    private const uint Startup = 0x600;
    private const uint Asserted = 0x4000;
    private const uint Level = 0x8000;

    public static TheoryData<uint, uint, string> WideDestinations => new()
    {
        // ICR low, destination, processors that get it; sender is 0 of 20.
        { 0, 0, "0" },
        { 0, 5, "5" },
        { 0, 19, "19" },
        { 0, 20, "" },
        { 0, 0xFF, "" },
        { 0, uint.MaxValue, "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19" },
        { Logical, 0x0000_0001, "0" },
        { Logical, 0x0000_8006, "1 2 15" },
        { Logical, 0x0001_0005, "16 18" },
        { Logical, 0x0001_FFF0, "" },
        { Logical, 0x0002_FFFF, "" },
        { Logical, 0x0000_0000, "" },
        { Logical, uint.MaxValue, "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19" },
        { 1 << 18, 7, "0" },
        { 2 << 18, 7, "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19" },
        { 3 << 18, 7, "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19" },
    };

    public static TheoryData<uint, uint, uint, string> NarrowDestinations => new()
    {
        // DFR, ICR low, destination, processors; LDR of processor i is 1 << i in the flat model, (i / 2) << 4 | 1 << (i % 2) in clusters.
        { uint.MaxValue, 0, 2, "2" },
        { uint.MaxValue, 0, 4, "" },
        { uint.MaxValue, 0, 0xFF, "0 1 2 3" },
        { uint.MaxValue, Logical, 0x05, "0 2" },
        { uint.MaxValue, Logical, 0xF0, "" },
        { uint.MaxValue, Logical, 0xFF, "0 1 2 3" },
        { 0x0FFF_FFFF, Logical, 0x01, "0" },
        { 0x0FFF_FFFF, Logical, 0x13, "2 3" },
        { 0x0FFF_FFFF, Logical, 0x12, "3" },
        { 0x0FFF_FFFF, Logical, 0x23, "" },
        { 0x0FFF_FFFF, Logical, 0xFF, "0 1 2 3" },
        { 0x0FFF_FFFF, 1 << 18, 0, "0" },
        { 0x0FFF_FFFF, 3 << 18, 0, "1 2 3" },
    };

    [Theory]
    [MemberData(nameof(WideDestinations))]
    public void X2Apic_destinations(uint low, uint destination, string expected)
    {
        ApicRig rig = new(20);
        rig.Write(Command, ((ulong)destination << 32) | low | 0x55);
        Assert.Equal(expected, TakersOf(rig, 0x55));
    }

    [Theory]
    [MemberData(nameof(NarrowDestinations))]
    public void XApic_destinations(uint format, uint low, uint destination, string expected)
    {
        ApicRig rig = new(4, ApicMode.XApic);
        for (int i = 0; i < 4; i++)
        {
            uint logical = format == uint.MaxValue ? 1u << i : ((uint)(i / 2) << 4) | (1u << (i % 2));
            rig.Apics[i].WritePage(0xE0, 4, format);
            rig.Apics[i].WritePage(0xD0, 4, logical << 24);
        }

        rig.Apic.WritePage(0x310, 4, destination << 24);
        rig.Apic.WritePage(0x300, 4, low | 0x55);
        Assert.Equal(expected, TakersOf(rig, 0x55));
    }

    [Fact]
    public void A_device_reaches_x2apics_by_8_bit_addresses()
    {
        ApicRig rig = new(4);
        Assert.True(rig.Bus.Send(null, new ApicMessage { Destination = 0xFF, Vector = 0x55 }));
        Assert.Equal("0 1 2 3", TakersOf(rig, 0x55));
        Assert.True(rig.Bus.Send(null, new ApicMessage { Destination = 6, IsLogical = true, Vector = 0x66 }));
        Assert.Equal("1 2", TakersOf(rig, 0x66));
        Assert.False(rig.Bus.Send(null, new ApicMessage { Destination = 9, Vector = 0x77 }));
    }

    [Fact]
    public void Lowest_priority_goes_to_one_and_turns_round_among_equals()
    {
        ApicRig rig = new(3);
        rig.Apics[1].Cr8 = 4;
        List<string> takers = [];
        for (int i = 0; i < 4; i++)
        {
            rig.Write(Command, 0x0000_0007_0000_0000 | Logical | Lowest | 0x55);
            takers.Add(TakersOf(rig, 0x55));
        }

        Assert.Equal(["0", "2", "0", "2"], takers);
        rig.Apics[0].Cr8 = 5;
        rig.Apics[2].Cr8 = 5;
        rig.Write(Command, 0x0000_0007_0000_0000 | Logical | Lowest | 0x55);
        Assert.Equal("1", TakersOf(rig, 0x55));
        // Switched off by software it does not compete.
        Assert.True(rig.Apics[1].TryWriteMsr(0x80F, 0xFF));
        rig.Write(Command, 0x0000_0002_0000_0000 | Logical | Lowest | 0x55);
        Assert.Equal("", TakersOf(rig, 0x55));
    }

    [Fact]
    public void Nmi_is_taken_once()
    {
        ApicRig rig = new(3);
        rig.Write(Command, (3u << 18) | Nmi);
        Assert.False(rig.Apics[0].TakeNmi());
        Assert.True(rig.Apics[1].HasWork);
        Assert.True(rig.Apics[1].IsNmiPending);
        Assert.True(rig.Apics[1].TakeNmi());
        Assert.False(rig.Apics[1].TakeNmi());
        Assert.True(rig.Apics[2].TakeNmi());
        Assert.Equal(-1, rig.Apics[2].GetInterrupt());
    }

    [Fact]
    public void Init_and_startup_start_another_processor()
    {
        ApicRig rig = new(2);
        LocalApic other = rig.Apics[1];
        other.IsWaitingForStartup = true;
        rig.Write(Command, 0x1_0000_0000 | Init | Asserted | Level);
        rig.Write(Command, 0x1_0000_0000 | Startup | 0x9A);
        rig.Write(Command, 0x1_0000_0000 | Startup | 0x9B);
        // Not before the INIT in front of it.
        Assert.Equal(-1, other.TakeStartup());
        Assert.True(other.TakeInit());
        Assert.True(other.IsWaitingForStartup);
        Assert.Equal(0x9A, other.TakeStartup());
        Assert.False(other.IsWaitingForStartup);
        Assert.Equal(-1, other.TakeStartup());
        Assert.False(other.TakeInit());
    }

    [Fact]
    public void A_running_processor_ignores_startup()
    {
        ApicRig rig = new(2);
        rig.Write(Command, 0x1_0000_0000 | Startup | 0x9A);
        Assert.False(rig.Apics[1].HasWork);
        rig.Write(Command, 0x1_0000_0000 | Init | Asserted);
        Assert.True(rig.Apics[1].TakeInit());
        Assert.Equal(-1, rig.Apics[1].TakeStartup());
    }

    [Fact]
    public void Init_resets_the_registers_but_not_the_mode()
    {
        ApicRig rig = new(2);
        LocalApic other = rig.Apics[1];
        other.Cr8 = 3;
        other.RequestNmi();
        Assert.True(rig.Bus.Send(null, ApicMessage.ToProcessor(1, ApicDelivery.Fixed, 0x55)));
        rig.Write(Command, 0x1_0000_0000 | Init | Asserted);
        Assert.True(other.TakeInit());
        Assert.Equal(ApicMode.X2Apic, other.Mode);
        Assert.Equal(0u, other.Cr8);
        Assert.Equal(-1, other.GetInterrupt());
        Assert.False(other.TakeNmi());
        Assert.True(other.TryReadMsr(0x80F, out ulong spurious));
        Assert.Equal(0xFFu, spurious);
    }

    [Fact]
    public void The_bootstrap_processor_does_not_wait_after_init()
    {
        ApicRig rig = new();
        rig.Apic.RequestInit();
        Assert.True(rig.Apic.TakeInit());
        Assert.False(rig.Apic.IsWaitingForStartup);
    }

    [Fact]
    public void Level_deassert_does_nothing()
    {
        ApicRig rig = new(2);
        rig.Write(Command, 0x1_0000_0000 | Init | Level);
        rig.Write(Command, 0x1_0000_0000 | Level | 0x55);
        Assert.False(rig.Apics[1].HasWork);
        Assert.False(rig.Apics[1].TakeInit());
    }

    [Theory]
    [InlineData(0x200u)] // SMI
    [InlineData(0x300u)] // reserved
    [InlineData(0x700u)] // external
    public void Other_delivery_modes_do_nothing(uint mode)
    {
        ApicRig rig = new(2);
        rig.Write(Command, 0x1_0000_0000ul | mode | 0x55);
        Assert.False(rig.Apics[1].HasWork);
    }

    [Fact]
    public void The_trigger_mode_follows_the_message()
    {
        ApicRig rig = new();
        rig.Write(Command, (1u << 18) | Level | Asserted | 0x55);
        Assert.Equal(1u << 21, rig.Read(0x81A));
        Assert.Equal([0x55], rig.TakeAll());
        rig.Write(Command, (1u << 18) | 0x55);
        Assert.Equal(0u, rig.Read(0x81A));
    }

    [Fact]
    public void Self_ipi_is_an_interrupt_to_oneself_and_leaves_the_command_register()
    {
        ApicRig rig = new(2);
        rig.Write(Command, 0x1_0000_0000 | 0x44);
        rig.Write(0x83F, 0x77);
        Assert.Equal([0x77], rig.TakeAll());
        Assert.Equal(0x1_0000_0044u, rig.Read(Command));
    }

    [Fact]
    public void Illegal_vectors_are_errors_of_both_sides()
    {
        ApicRig rig = new(2);
        rig.Write(0x837, 0xE0);
        Assert.True(rig.Apics[1].TryWriteMsr(0x837, 0xE1));
        rig.Write(Command, 0x1_0000_0000 | 0x0F);
        Assert.Equal([0xE0], rig.TakeAll());
        Assert.Equal([0xE1], ApicRig.TakeAll(rig.Apics[1]));
        Assert.Equal(0u, rig.Read(0x828));
        rig.Write(0x828, 0);
        Assert.Equal(0x20u, rig.Read(0x828));
        Assert.True(rig.Apics[1].TryWriteMsr(0x828, 0));
        Assert.True(rig.Apics[1].TryReadMsr(0x828, out ulong received));
        Assert.Equal(0x40u, received);
        rig.Write(0x828, 0);
        Assert.Equal(0u, rig.Read(0x828));
    }

    [Fact]
    public void More_errors_interrupt_again_only_after_a_write_of_the_error_register()
    {
        ApicRig rig = new();
        rig.Write(0x837, 0xE0);
        rig.Write(0x83F, 1);
        Assert.Equal([0xE0], rig.TakeAll());
        rig.Write(0x80B, 0);
        rig.Write(0x83F, 1);
        Assert.Empty(rig.TakeAll());
        rig.Write(0x828, 0);
        Assert.Equal(0x60u, rig.Read(0x828));
        rig.Write(0x83F, 1);
        Assert.Equal([0xE0], rig.TakeAll());
    }

    [Fact]
    public void Local_pins_deliver_as_their_entries_say()
    {
        ApicRig rig = new();
        Assert.False(rig.Apic.SignalLocal(ApicLocalInterrupt.Lint0));
        rig.Write(0x835, 0x61);
        rig.Write(0x836, Nmi);
        Assert.True(rig.Apic.SignalLocal(ApicLocalInterrupt.Lint0));
        Assert.Equal([0x61], rig.TakeAll());
        Assert.True(rig.Apic.SignalLocal(ApicLocalInterrupt.Lint1));
        Assert.True(rig.Apic.TakeNmi());
        rig.Write(0x835, 0x700);
        Assert.False(rig.Apic.SignalLocal(ApicLocalInterrupt.Lint0));
        // An overflow masks its own entry.
        rig.Write(0x834, Nmi);
        Assert.True(rig.Apic.SignalLocal(ApicLocalInterrupt.Performance));
        Assert.Equal(0x10000u | Nmi, rig.Read(0x834));
    }

    [Fact]
    public void A_kick_stays_until_it_is_taken()
    {
        ApicRig rig = new();
        Assert.False(rig.Apic.TakeKick());
        rig.Apic.RequestKick();
        rig.Apic.RequestKick();
        Assert.True(rig.Apic.HasWork);
        Assert.Equal(1, rig.Wakes(0));
        rig.Apic.ClearWork();
        Assert.True(rig.Apic.IsKickPending);
        Assert.True(rig.Apic.TakeKick());
        Assert.False(rig.Apic.TakeKick());
    }

    // Who has a vector in its IRR; taken and ended.
    private static string TakersOf(ApicRig rig, int vector)
    {
        List<int> takers = [];
        foreach (LocalApic apic in rig.Apics)
        {
            ulong task = apic.Cr8;
            apic.Cr8 = 0;
            if (apic.GetInterrupt() is int pending and >= 0)
            {
                Assert.Equal(vector, pending);
                Assert.Equal(vector, apic.Acknowledge(pending));
                apic.EndOfInterrupt();
                takers.Add(apic.Index);
            }

            Assert.Equal(-1, apic.GetInterrupt());
            apic.Cr8 = task;
        }

        return string.Join(' ', takers);
    }
}
