using Hyperpatch.Engine.Accelerators.Software.Apic;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>Some local APICs on a bus, and a clock.</summary>
internal sealed class ApicRig
{
    private readonly int[] _wakes;

    public ApicRig(int count = 1, ApicMode mode = ApicMode.X2Apic)
    {
        _wakes = new int[count];
        Apics = [.. Enumerable.Range(0, count).Select(i => new LocalApic(i, Bus, Clock, () => _wakes[i]++))];
        foreach (LocalApic apic in Apics)
        {
            Bus.Attach(apic);
            if (mode == ApicMode.X2Apic)
            {
                Assert.True(apic.TryWriteBase(apic.Base | 0xC00));
                Assert.True(apic.TryWriteMsr(0x80F, 0x1FF));
            }
            else
            {
                apic.WritePage(0xF0, 4, 0x1FF);
            }
        }
    }

    public ApicBus Bus { get; } = new();

    public ApicClock Clock { get; } = new();

    public LocalApic[] Apics { get; }

    /// <summary>The first one.</summary>
    public LocalApic Apic => Apics[0];

    /// <summary>How often a processor was woken.</summary>
    public int Wakes(int index) => _wakes[index];

    public ulong Read(uint msr)
    {
        Assert.True(Apic.TryReadMsr(msr, out ulong value), $"RDMSR 0x{msr:X}");
        return value;
    }

    public void Write(uint msr, ulong value) => Assert.True(Apic.TryWriteMsr(msr, value), $"WRMSR 0x{msr:X}, 0x{value:X}");

    /// <summary>Interrupt message to the first one, from outside.</summary>
    public void Interrupt(byte vector) => Assert.True(Bus.Send(null, ApicMessage.ToProcessor(0, ApicDelivery.Fixed, vector)));

    /// <summary>The first one's processor takes what it can, without EOI.</summary>
    public int[] TakeAll() => TakeAll(Apic);

    public static int[] TakeAll(LocalApic apic)
    {
        List<int> taken = [];
        for (int vector = apic.GetInterrupt(); vector >= 0; vector = apic.GetInterrupt())
        {
            taken.Add(apic.Acknowledge(vector));
        }

        return [.. taken];
    }

    /// <summary>Moves the clock, and takes and ends the timer's interrupts.</summary>
    /// <returns>How many there were.</returns>
    public int Advance(ulong nanoseconds)
    {
        Clock.Now += nanoseconds;
        Apic.Poll(Clock.Now);
        int count = 0;
        for (int vector = Apic.GetInterrupt(); vector >= 0; vector = Apic.GetInterrupt())
        {
            Assert.Equal(vector, Apic.Acknowledge(vector));
            Apic.EndOfInterrupt();
            count++;
        }

        return count;
    }
}
