using Hyperpatch.Engine.Accelerators.Software.Apic;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>The timer in all its modes.</summary>
public sealed class LocalApicTimerTests
{
    private const uint Timer = 0x832;
    private const uint Initial = 0x838;
    private const uint Current = 0x839;
    private const uint Divide = 0x83E;
    private const uint Vector = 0x40;
    private const uint Masked = 0x10000;
    private const uint Periodic = 0x20000;
    private const uint Deadline = 0x40000;

    [Theory]
    [InlineData(0x0, 2)]
    [InlineData(0x1, 4)]
    [InlineData(0x2, 8)]
    [InlineData(0x3, 16)]
    [InlineData(0x8, 32)]
    [InlineData(0x9, 64)]
    [InlineData(0xA, 128)]
    [InlineData(0xB, 1)]
    public void One_shot_counts_divided_nanoseconds_down_and_interrupts_once(uint divide, uint by)
    {
        ApicRig rig = new();
        rig.Write(Divide, divide);
        rig.Write(Timer, Vector);
        rig.Write(Initial, 1000);
        Assert.Equal(rig.Clock.Now + (1000 * by), rig.Apic.NextDeadline);
        Assert.Equal(1000u, rig.Read(Current));
        Assert.Equal(0, rig.Advance(400 * by));
        Assert.Equal(600u, rig.Read(Current));
        Assert.Equal(0, rig.Advance((600 * by) - 1));
        Assert.Equal(1u, rig.Read(Current));
        Assert.Equal(1, rig.Advance(1));
        Assert.Equal(0u, rig.Read(Current));
        Assert.Equal(1000u, rig.Read(Initial));
        Assert.Equal(ulong.MaxValue, rig.Apic.NextDeadline);
        Assert.Equal(0, rig.Advance(1_000_000));
    }

    [Fact]
    public void Periodic_keeps_its_phase_however_late_it_is_polled()
    {
        ApicRig rig = new();
        rig.Write(Divide, 0xB);
        rig.Write(Timer, Periodic | Vector);
        ulong start = rig.Clock.Now;
        rig.Write(Initial, 1000);
        Assert.Equal(1, rig.Advance(1000));
        Assert.Equal(1000u, rig.Read(Current));
        Assert.Equal(1, rig.Advance(1300));
        Assert.Equal(700u, rig.Read(Current));
        Assert.Equal(start + 3000, rig.Apic.NextDeadline);
        // Five periods missed are one interrupt.
        Assert.Equal(1, rig.Advance(5000));
        Assert.Equal(start + 8000, rig.Apic.NextDeadline);
        Assert.Equal(0, rig.Advance(699));
        Assert.Equal(1, rig.Advance(1));
    }

    [Fact]
    public void Initial_count_0_stops()
    {
        ApicRig rig = new();
        rig.Write(Timer, Periodic | Vector);
        rig.Write(Initial, 1000);
        rig.Write(Initial, 0);
        Assert.Equal(ulong.MaxValue, rig.Apic.NextDeadline);
        Assert.Equal(0u, rig.Read(Current));
        Assert.Equal(0, rig.Advance(1_000_000));
    }

    [Fact]
    public void Masked_it_counts_without_being_waited_for()
    {
        ApicRig rig = new();
        rig.Write(Divide, 0xB);
        rig.Write(Timer, Periodic | Masked | Vector);
        ulong start = rig.Clock.Now;
        rig.Write(Initial, 1000);
        Assert.Equal(ulong.MaxValue, rig.Apic.NextDeadline);
        Assert.Equal(0, rig.Advance(2300));
        Assert.Equal(700u, rig.Read(Current));
        // What was missed under the mask does not come after it.
        rig.Clock.Now += 1000;
        rig.Write(Timer, Periodic | Vector);
        Assert.Equal(0, rig.Advance(0));
        Assert.Equal(start + 4000, rig.Apic.NextDeadline);
        Assert.Equal(1, rig.Advance(700));
    }

    [Fact]
    public void A_masked_one_shot_that_ends_is_lost()
    {
        ApicRig rig = new();
        rig.Write(Timer, Masked | Vector);
        rig.Write(Initial, 10);
        rig.Clock.Now += 100;
        rig.Write(Timer, Vector);
        Assert.Equal(0, rig.Advance(0));
        Assert.Equal(ulong.MaxValue, rig.Apic.NextDeadline);
    }

    [Fact]
    public void Interrupts_that_are_due_come_before_a_new_mask_or_count()
    {
        ApicRig rig = new();
        rig.Write(Divide, 0xB);
        rig.Write(Timer, Vector);
        rig.Write(Initial, 100);
        rig.Clock.Now += 100;
        rig.Write(Timer, Masked | Vector);
        Assert.Equal([(int)Vector], rig.TakeAll());
    }

    [Fact]
    public void Another_divisor_goes_on_from_the_count_that_is_left()
    {
        ApicRig rig = new();
        rig.Write(Divide, 0xB);
        rig.Write(Timer, Periodic | Vector);
        rig.Write(Initial, 1000);
        rig.Clock.Now += 400;
        rig.Write(Divide, 0x1);
        Assert.Equal(600u, rig.Read(Current));
        Assert.Equal(1, rig.Advance(2400));
        Assert.Equal(rig.Clock.Now + 4000, rig.Apic.NextDeadline);
    }

    [Fact]
    public void From_one_shot_to_periodic_it_goes_on()
    {
        ApicRig rig = new();
        rig.Write(Divide, 0xB);
        rig.Write(Timer, Vector);
        rig.Write(Initial, 1000);
        rig.Clock.Now += 400;
        rig.Write(Timer, Periodic | Vector);
        Assert.Equal(1, rig.Advance(600));
        Assert.Equal(1, rig.Advance(1000));
    }

    [Fact]
    public void The_timestamp_deadline_interrupts_once_and_reads_0_then()
    {
        ApicRig rig = new();
        rig.Write(Timer, Deadline | Vector);
        rig.Write(0x6E0, 4000);
        Assert.Equal(2000u, rig.Apic.NextDeadline);
        Assert.Equal(4000u, rig.Read(0x6E0));
        rig.Write(Initial, 5);
        Assert.Equal(0u, rig.Read(Initial));
        Assert.Equal(0u, rig.Read(Current));
        Assert.Equal(0, rig.Advance(999));
        Assert.Equal(1, rig.Advance(1));
        Assert.Equal(0u, rig.Read(0x6E0));
        Assert.Equal(0, rig.Advance(10_000));
    }

    [Fact]
    public void A_timestamp_deadline_in_the_past_interrupts_at_once()
    {
        ApicRig rig = new();
        rig.Write(Timer, Deadline | Vector);
        rig.Write(0x6E0, 1);
        Assert.True(rig.Apic.HasWork);
        Assert.Equal([(int)Vector], rig.TakeAll());
        Assert.Equal(0u, rig.Read(0x6E0));
    }

    [Fact]
    public void A_timestamp_deadline_is_disarmed_by_0_and_by_another_mode()
    {
        ApicRig rig = new();
        rig.Write(0x6E0, 4000);
        Assert.Equal(0u, rig.Read(0x6E0));
        rig.Write(Timer, Deadline | Vector);
        Assert.Equal(ulong.MaxValue, rig.Apic.NextDeadline);
        rig.Write(0x6E0, 4000);
        rig.Write(0x6E0, 0);
        Assert.Equal(ulong.MaxValue, rig.Apic.NextDeadline);
        rig.Write(0x6E0, 4000);
        rig.Write(Timer, Vector);
        Assert.Equal(ulong.MaxValue, rig.Apic.NextDeadline);
        rig.Write(Initial, 4000);
        rig.Write(Timer, Deadline | Vector);
        Assert.Equal(ulong.MaxValue, rig.Apic.NextDeadline);
        Assert.Equal(0u, rig.Read(Initial));
        Assert.Equal(0, rig.Advance(1_000_000));
    }

    [Fact]
    public void A_timestamp_deadline_moves_with_the_counter()
    {
        ApicRig rig = new();
        rig.Write(Timer, Deadline | Vector);
        rig.Write(0x6E0, 10_000);
        Assert.Equal(5000u, rig.Apic.NextDeadline);
        rig.Clock.TimestampOffset = 2000;
        rig.Apic.TimestampChanged();
        Assert.Equal(4000u, rig.Apic.NextDeadline);
        rig.Clock.TimestampOffset = 9000;
        rig.Apic.TimestampChanged();
        Assert.Equal(1, rig.Advance(0));
    }

    [Fact]
    public void Switched_off_by_software_all_local_interrupts_are_masked()
    {
        ApicRig rig = new();
        rig.Write(Timer, Periodic | Vector);
        rig.Write(Initial, 1000);
        rig.Write(0x80F, 0xFF);
        Assert.Equal(Masked | Periodic | Vector, rig.Read(Timer));
        Assert.Equal(ulong.MaxValue, rig.Apic.NextDeadline);
        rig.Write(Timer, Periodic | Vector);
        Assert.Equal(Masked | Periodic | Vector, rig.Read(Timer));
        rig.Write(0x80F, 0x1FF);
        Assert.Equal(Masked | Periodic | Vector, rig.Read(Timer));
        rig.Write(Timer, Periodic | Vector);
        Assert.Equal(1, rig.Advance(100_000));
    }

    [Fact]
    public void An_illegal_vector_is_an_error_instead()
    {
        ApicRig rig = new();
        rig.Write(0x837, 0x45);
        rig.Write(Timer, 0x0F);
        rig.Write(Initial, 1);
        rig.Clock.Now += 1000;
        rig.Apic.Poll(rig.Clock.Now);
        Assert.Equal([0x45], rig.TakeAll());
        rig.Write(0x828, 0);
        Assert.Equal(0x40u, rig.Read(0x828));
    }
}
