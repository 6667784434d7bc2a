using System.Buffers.Binary;
using Hyperpatch.Engine.Accelerators.Software.Apic;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>Saving and restoring.</summary>
public sealed class LocalApicStateTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_restored_apic_is_as_the_saved_one(bool isX2Apic)
    {
        ApicMode mode = isX2Apic ? ApicMode.X2Apic : ApicMode.XApic;
        ApicRig rig = new(6, mode);
        LocalApic apic = rig.Apics[5];
        Fill(rig, apic);
        byte[] state = new byte[LocalApic.StateSize];
        apic.Save(state);
        Assert.Equal(5u << 24, At(state, 0x20));
        Assert.Equal(isX2Apic ? 0x20u : 0x2000_0000u, At(state, 0xD0));
        Assert.Equal(isX2Apic ? 0x12345678u : 0x7800_0000u, At(state, 0x310));
        Assert.Equal(7000u, At(state, 0x390));

        ApicRig other = new(6, ApicMode.XApic);
        LocalApic restored = other.Apics[5];
        restored.SetBase(apic.Base);
        restored.Restore(state);
        Assert.True(restored.HasWork);
        byte[] again = new byte[LocalApic.StateSize];
        restored.Save(again);
        Assert.Equal(state, again);
        Assert.Equal(apic.NextDeadline - rig.Clock.Now, restored.NextDeadline - other.Clock.Now);
        restored.EndOfInterrupt();
        Assert.Equal([0x71], ApicRig.TakeAll(restored));
        other.Clock.Now += 7000;
        restored.Poll(other.Clock.Now);
        Assert.Equal([0xE4], ApicRig.TakeAll(restored));
        Assert.Equal(other.Clock.Now + 10_000, restored.NextDeadline);
    }

    [Fact]
    public void A_timestamp_deadline_comes_back_by_its_register()
    {
        ApicRig rig = new();
        rig.Write(0x832, 0x4_0055);
        rig.Write(0x6E0, 9000);
        byte[] state = new byte[LocalApic.StateSize];
        rig.Apic.Save(state);
        ApicRig other = new();
        other.Apic.Restore(state);
        Assert.Equal(ulong.MaxValue, other.Apic.NextDeadline);
        other.Write(0x6E0, 9000);
        Assert.Equal(4500u, other.Apic.NextDeadline);
    }

    [Fact]
    public void An_expired_one_shot_stays_expired()
    {
        ApicRig rig = new();
        rig.Write(0x832, 0x55);
        rig.Write(0x838, 10);
        Assert.Equal(1, rig.Advance(1000));
        byte[] state = new byte[LocalApic.StateSize];
        rig.Apic.Save(state);
        rig.Apic.Restore(state);
        Assert.Equal(ulong.MaxValue, rig.Apic.NextDeadline);
        Assert.Equal(10u, rig.Read(0x838));
    }

    // Something in every register.
    internal static void Fill(ApicRig rig, LocalApic apic)
    {
        Write(apic, 0x3E, 0xB);
        Write(apic, 0x32, 0x2_00E4);
        Write(apic, 0x33, 0x1_0431);
        Write(apic, 0x34, 0x0_0432);
        Write(apic, 0x35, 0x1_2733);
        Write(apic, 0x36, 0x0_0400);
        Write(apic, 0x37, 0x0_0035);
        Write(apic, 0x38, 10_000);
        if (apic.Mode == ApicMode.XApic)
        {
            apic.WritePage(0xD0, 4, 0x2000_0000);
            apic.WritePage(0x310, 4, 0x7800_0000);
            apic.WritePage(0x300, 4, 0xC_0EE);
        }
        else
        {
            Assert.True(apic.TryWriteMsr(0x830, 0x1234_5678_0000_00EE));
        }

        rig.Clock.Now += 3000;
        _ = rig.Bus.Send(null, ApicMessage.ToProcessor((uint)apic.Index, ApicDelivery.Fixed, 0x42));
        Assert.Equal([0x42], ApicRig.TakeAll(apic));
        _ = rig.Bus.Send(null, ApicMessage.ToProcessor((uint)apic.Index, ApicDelivery.Fixed, 0x83) with { IsLevel = true });
        Assert.Equal([0x83], ApicRig.TakeAll(apic));
        _ = rig.Bus.Send(null, ApicMessage.ToProcessor((uint)apic.Index, ApicDelivery.Fixed, 0x71) with { IsLevel = true });
        Write(apic, 0x08, 0x23);
    }

    private static void Write(LocalApic apic, uint register, uint value)
    {
        if (apic.Mode == ApicMode.XApic)
        {
            apic.WritePage(register << 4, 4, value);
        }
        else
        {
            Assert.True(apic.TryWriteMsr(0x800 + register, value));
        }
    }

    private static uint At(byte[] state, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(state.AsSpan(offset));
}
