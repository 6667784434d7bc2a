using Hyperpatch.Engine.Accelerators.Software.Apic;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>Delivery from several threads at a time: nothing is lost.</summary>
public sealed class LocalApicConcurrencyTests
{
    private const int Senders = 3;
    private const int Rounds = 20_000;

    /// <summary>
    /// Each sender waits until its last interrupt was taken before it sends the next, all into the same word of IRR. One that is lost
    /// hangs the test; the processor sleeps whenever it has no work, so that a wake-up lost hangs it too.
    /// </summary>
    [Fact]
    public void No_vector_and_no_wake_up_is_lost()
    {
        using AutoResetEvent wake = new(false);
        ApicBus bus = new();
        ApicClock clock = new();
        LocalApic target = new(0, bus, clock, () => wake.Set());
        bus.Attach(target);
        target.WritePage(0xF0, 4, 0x1FF);
        int[] sent = new int[Senders];
        int[] taken = new int[Senders];
        bool isStopped = false;
        bool isHung = false;
        Thread[] threads =
        [
            .. Enumerable.Range(0, Senders).Select(sender => new Thread(() =>
            {
                for (int i = 1; i <= Rounds && !Volatile.Read(ref isStopped); i++)
                {
                    Volatile.Write(ref sent[sender], i);
                    _ = bus.Send(null, ApicMessage.ToProcessor(0, ApicDelivery.Fixed, (byte)(0x40 + (sender * 17))));
                    SpinWait spin = default;
                    while (Volatile.Read(ref taken[sender]) != i && !Volatile.Read(ref isStopped))
                    {
                        spin.SpinOnce();
                    }
                }
            })),
        ];
        foreach (Thread thread in threads)
        {
            thread.Start();
        }

        while (taken.Any(count => count != Rounds) && !isHung)
        {
            if (!target.HasWork)
            {
                isHung = !wake.WaitOne(TimeSpan.FromSeconds(20));
                continue;
            }

            target.ClearWork();
            for (int vector = target.GetInterrupt(); vector >= 0; vector = target.GetInterrupt())
            {
                Assert.Equal(vector, target.Acknowledge(vector));
                target.EndOfInterrupt();
                int sender = (vector - 0x40) / 17;
                Volatile.Write(ref taken[sender], Volatile.Read(ref sent[sender]));
            }
        }

        Volatile.Write(ref isStopped, true);
        foreach (Thread thread in threads)
        {
            thread.Join();
        }

        Assert.False(isHung, $"Taken: {string.Join(", ", taken)}.");
        Assert.Equal(-1, target.GetInterrupt());
    }

    [Fact]
    public void Startup_behind_init_always_arrives()
    {
        ApicBus bus = new();
        LocalApic target = new(1, bus, new ApicClock(), () => { });
        bus.Attach(target);
        int started = 0;
        Thread sender = new(() =>
        {
            for (int i = 1; i <= Rounds; i++)
            {
                _ = bus.Send(null, ApicMessage.ToProcessor(1, ApicDelivery.Init, 0));
                _ = bus.Send(null, ApicMessage.ToProcessor(1, ApicDelivery.Startup, (byte)i));
                long limit = Environment.TickCount64 + 20_000;
                SpinWait spin = default;
                while (Volatile.Read(ref started) != i && Environment.TickCount64 < limit)
                {
                    spin.SpinOnce();
                }
            }
        });
        sender.Start();
        long end = Environment.TickCount64 + 20_000;
        while (started < Rounds && Environment.TickCount64 < end)
        {
            if (!target.HasWork)
            {
                Thread.Yield();
                continue;
            }

            target.ClearWork();
            _ = target.TakeInit();
            int vector = target.TakeStartup();
            if (vector >= 0)
            {
                Assert.Equal((byte)(started + 1), vector);
                Volatile.Write(ref started, started + 1);
            }
        }

        Assert.Equal(Rounds, started);
        sender.Join();
    }

    [Fact]
    public void The_loops_paths_do_not_allocate()
    {
        ApicRig rig = new(4);
        Exercise(rig);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
        {
            Exercise(rig);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static void Exercise(ApicRig rig)
    {
        LocalApic apic = rig.Apic;
        _ = apic.TryWriteMsr(0x832, 0x2_0041);
        _ = apic.TryWriteMsr(0x838, 100);
        _ = apic.TryWriteMsr(0x830, (2 << 18) | 0x51);
        _ = apic.TryWriteMsr(0x830, 0x0000_000F_0000_0000 | 0x900 | 0x61);
        rig.Clock.Now += 1000;
        foreach (LocalApic one in rig.Apics)
        {
            one.Poll(rig.Clock.Now);
            if (!one.HasWork)
            {
                continue;
            }

            one.ClearWork();
            for (int vector = one.GetInterrupt(); vector >= 0; vector = one.GetInterrupt())
            {
                _ = one.Acknowledge(vector);
                _ = one.TryReadMsr(0x839, out _);
                _ = one.TryWriteMsr(0x80B, 0);
            }
        }
    }
}
