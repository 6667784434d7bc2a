using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Accelerators.Software;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Guests;
using Hyperpatch.Engine.Memory;
using Hyperpatch.Engine.Tests.Support;
using Hyperpatch.Engine.Vendors;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>The deterministic partition without a machine around it, which would look at its processors from time to time, and so wake them.</summary>
public sealed class TurnScheduleTests
{
    private const int Nmi = 4;
    private const ulong Code = 0x1000;

    [Fact]
    public void Every_event_from_outside_wakes_an_idle_partition_also_behind_one_that_its_processor_does_not_take()
    {
        using GuestMemory memory = new(1 << 20);
        // mov dword [0xFEE000F0], 0x1FF: the local APIC is on. Then HLT, interrupts off.
        Assert.True(memory.TryWrite(Code, [0xC7, 0x05, 0xF0, 0x00, 0xE0, 0xFE, 0xFF, 0x01, 0, 0, 0xF4, 0xEB, 0xFD]));
        using DeterministicPartition partition = new(memory, CpuVendor.Intel);
        IProcessor[] processors = [partition.CreateProcessor(0), partition.CreateProcessor(1)];
        int halts = 0;
        ExitReason[] ends = new ExitReason[2];
        using CancellationTokenSource over = new();
        Thread[] threads = [.. processors.Select(processor => new Thread(() =>
        {
            VmExit exit = default;
            do
            {
                processor.Run(ref exit);
                _ = exit.Reason == ExitReason.Halt ? Interlocked.Increment(ref halts) : 0;
            }
            while (exit.Reason == ExitReason.Halt || (exit.Reason == ExitReason.Interrupted && !over.IsCancellationRequested));
            ends[processor.Index] = exit.Reason;
        })
        { IsBackground = true })];
        foreach (IProcessor processor in processors)
        {
            processor.Start(new ProcessorStart { Mode = GuestMode.Protected, Rip = Code, Rsp = 0x8000, CodeSelector = 8, DataSelector = 16 });
        }

        Array.ForEach(threads, thread => thread.Start());
        TestMachine.WaitFor(() => Volatile.Read(ref halts) == 2, "both are halted");
        // The one whose turn it is sleeps for both by then, or will see what comes.
        Thread.Sleep(50);
        Assert.True(partition.DeliverInterrupt(1, 0x31, 0));
        Thread.Sleep(50);
        Assert.True(partition.DeliverInterrupt(1, 0, Nmi));
        // There is no interrupt table: the NMI ends in a triple fault.
        bool woke = threads[1].Join(TimeSpan.FromSeconds(5));
        over.Cancel();
        Array.ForEach(processors, processor => processor.Kick());
        Array.ForEach(threads, thread => Assert.True(thread.Join(TestMachine.Limit)));
        Assert.True(woke, "the NMI woke nobody");
        Assert.Equal(ExitReason.Shutdown, ends[1]);
    }
}
