using Hyperpatch.Engine.Accelerators.Software.Apic;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>Which interrupt comes when: IRR, ISR, TPR, PPR, EOI.</summary>
public sealed class LocalApicPriorityTests
{
    [Fact]
    public void Nothing_is_pending_at_first()
    {
        ApicRig rig = new();
        Assert.Equal(-1, rig.Apic.GetInterrupt());
        Assert.False(rig.Apic.HasWork);
        Assert.Equal(ulong.MaxValue, rig.Apic.NextDeadline);
    }

    [Fact]
    public void The_highest_vector_comes_first_and_each_class_only_once()
    {
        ApicRig rig = new();
        foreach (byte vector in (byte[])[0x31, 0x3F, 0x52, 0x51, 0xFE, 0x20])
        {
            rig.Interrupt(vector);
        }

        Assert.Equal([0xFE], rig.TakeAll());
        rig.Apic.EndOfInterrupt();
        Assert.Equal([0x52], rig.TakeAll());
        // 0x51 is of the class in service: it waits for EOI, and a higher class does not.
        rig.Interrupt(0x61);
        Assert.Equal([0x61], rig.TakeAll());
        rig.Apic.EndOfInterrupt();
        Assert.Empty(rig.TakeAll());
        rig.Apic.EndOfInterrupt();
        Assert.Equal([0x51], rig.TakeAll());
        rig.Apic.EndOfInterrupt();
        Assert.Equal([0x3F], rig.TakeAll());
        rig.Apic.EndOfInterrupt();
        Assert.Equal([0x31], rig.TakeAll());
        rig.Apic.EndOfInterrupt();
        Assert.Equal([0x20], rig.TakeAll());
    }

    [Fact]
    public void End_of_interrupt_ends_the_highest_in_service()
    {
        ApicRig rig = new();
        foreach (byte vector in (byte[])[0x31, 0x42, 0x83])
        {
            rig.Interrupt(vector);
            Assert.Equal([vector], rig.TakeAll());
        }

        Assert.Equal(0x80u, rig.Read(0x80A));
        Assert.Equal(1u << 3, rig.Read(0x814));
        rig.Write(0x80B, 0);
        Assert.Equal(0u, rig.Read(0x814));
        Assert.Equal(0x40u, rig.Read(0x80A));
        rig.Write(0x80B, 0);
        Assert.Equal(0x30u, rig.Read(0x80A));
        rig.Write(0x80B, 0);
        Assert.Equal(0u, rig.Read(0x80A));
        rig.Write(0x80B, 0);
        Assert.Equal(0u, rig.Read(0x80A));
    }

    [Theory]
    [InlineData(0x00, 0x10, true)]
    [InlineData(0x0F, 0x10, true)]
    [InlineData(0x10, 0x1F, false)]
    [InlineData(0x10, 0x20, true)]
    [InlineData(0x50, 0x5F, false)]
    [InlineData(0x5F, 0x60, true)]
    [InlineData(0xF0, 0xFF, false)]
    [InlineData(0xEF, 0xF0, true)]
    public void Task_priority_holds_its_class_and_lower_off(uint priority, byte vector, bool isDelivered)
    {
        ApicRig rig = new();
        rig.Write(0x808, priority);
        rig.Interrupt(vector);
        Assert.Equal(isDelivered ? vector : -1, rig.Apic.GetInterrupt());
        Assert.Equal(priority >> 4, rig.Apic.Cr8);
    }

    [Fact]
    public void Cr8_and_task_priority_are_one()
    {
        ApicRig rig = new();
        rig.Write(0x808, 0x37);
        Assert.Equal(3u, rig.Apic.Cr8);
        rig.Apic.Cr8 = 9;
        Assert.Equal(0x90u, rig.Read(0x808));
        Assert.Equal(0x90u, rig.Read(0x80A));
    }

    [Theory]
    [InlineData(0x35, 0x30, 0x35)] // equal classes: TPR whole
    [InlineData(0x45, 0x30, 0x45)]
    [InlineData(0x25, 0x3A, 0x30)] // a higher one in service: its class
    public void Processor_priority_is_the_higher_of_both(byte priority, byte service, byte expected)
    {
        ApicRig rig = new();
        rig.Interrupt(service);
        Assert.Equal([service], rig.TakeAll());
        rig.Write(0x808, priority);
        Assert.Equal(expected, rig.Read(0x80A));
        Assert.Equal(expected, rig.Apic.ProcessorPriority);
    }

    [Fact]
    public void What_lets_a_pending_interrupt_through_is_work()
    {
        ApicRig rig = new();
        rig.Write(0x808, 0x80);
        rig.Interrupt(0x61);
        Assert.True(rig.Apic.HasWork);
        rig.Apic.ClearWork();
        Assert.False(rig.Apic.HasWork);
        rig.Write(0x808, 0x70);
        Assert.False(rig.Apic.HasWork);
        rig.Apic.Cr8 = 5;
        Assert.True(rig.Apic.HasWork);
        rig.Apic.ClearWork();
        Assert.Equal([0x61], rig.TakeAll());
        rig.Interrupt(0x62);
        rig.Apic.ClearWork();
        rig.Apic.EndOfInterrupt();
        Assert.True(rig.Apic.HasWork);
    }

    [Fact]
    public void A_request_that_is_gone_becomes_the_spurious_vector()
    {
        ApicRig rig = new();
        rig.Write(0x80F, 0x1EF);
        rig.Interrupt(0x61);
        int vector = rig.Apic.GetInterrupt();
        rig.Write(0x808, 0x60);
        Assert.Equal(0xEF, rig.Apic.Acknowledge(vector));
        Assert.Equal(0u, rig.Read(0x813));
        Assert.Equal(2u, rig.Read(0x823));
    }

    [Fact]
    public void The_sender_wakes_once_until_the_work_is_cleared()
    {
        ApicRig rig = new();
        rig.Interrupt(0x40);
        rig.Interrupt(0x41);
        Assert.Equal(1, rig.Wakes(0));
        rig.Apic.ClearWork();
        rig.Interrupt(0x41);
        Assert.Equal(2, rig.Wakes(0));
    }

    [Fact]
    public void The_same_vector_twice_is_one_request_and_one_more_while_in_service()
    {
        ApicRig rig = new();
        rig.Interrupt(0x40);
        rig.Interrupt(0x40);
        Assert.Equal([0x40], rig.TakeAll());
        rig.Interrupt(0x40);
        Assert.Empty(rig.TakeAll());
        rig.Apic.EndOfInterrupt();
        Assert.Equal([0x40], rig.TakeAll());
        rig.Apic.EndOfInterrupt();
        Assert.Empty(rig.TakeAll());
    }

    [Fact]
    public void Switched_off_by_software_it_takes_no_new_interrupts_and_keeps_old_ones()
    {
        ApicRig rig = new();
        rig.Interrupt(0x40);
        rig.Write(0x80F, 0xFF);
        Assert.False(rig.Bus.Send(null, ApicMessage.ToProcessor(0, ApicDelivery.Fixed, 0x41)));
        Assert.True(rig.Bus.Send(null, ApicMessage.ToProcessor(0, ApicDelivery.Nmi, 0)));
        Assert.True(rig.Apic.TakeNmi());
        Assert.Equal([0x40], rig.TakeAll());
    }
}
