using System.Collections.Concurrent;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Tests.Support;
using Hyperpatch.Engine.Vendors;

namespace Hyperpatch.Engine.Tests.Machine;

/// <summary>Commands from several threads at any moment: each ends, with success or with a refusal in words.</summary>
[Collection(StressCollection.Name)]
public sealed class CommandStressTests
{
    private const int Threads = 4;

    public static TheoryData<Backend, string, string, int> Guests => new()
    {
        { Backend.Kvm, "exit-storm", "", 2 },
        { Backend.Kvm, "mixed", "rate=500", 4 },
        { Backend.Kvm, "patch-race", "rounds=0 sites=32", 3 },
        { Backend.Kvm, "hello", "", 2 },
        { Backend.Kvm, "undefined", "rounds=100000", 2 },
        { Backend.KvmStep, "exit-storm", "", 2 },
        { Backend.KvmStep, "mixed", "rate=500", 3 },
        { Backend.KvmStep, "patch-race", "rounds=0 sites=32", 2 },
        { Backend.Software, "exit-storm", "", 2 },
        { Backend.Software, "mixed", "rate=500", 4 },
        { Backend.Software, "patch-race", "rounds=0 sites=32", 3 },
        { Backend.Deterministic, "mixed", "rate=500", 4 },
        { Backend.Deterministic, "patch-race", "rounds=0 sites=32", 3 },
    };

    [Theory, MemberData(nameof(Guests))]
    public void Commands_from_all_sides_never_hang(Backend backend, string guest, string commandLine, int processors)
    {
        Random random = Seed.NewRandom();
        using TestMachine machine = TestMachine.Create(
            backend, guest, new VirtualMachineOptions { Processors = processors, CommandLine = commandLine, MemoryMiB = 8 });
        ConcurrentBag<Exception> unexpected = Race(machine.Machine, random, commands: 100, disposesAt: null);
        Assert.Empty(unexpected);
        Assert.NotEqual(MachineState.Failed, machine.Machine.State);
        // Whatever was done to it, the guest did not notice.
        Assert.DoesNotContain("panic", machine.Serial, StringComparison.Ordinal);
        Assert.DoesNotContain("wrong result ", machine.Serial, StringComparison.Ordinal);
        Assert.All(
            machine.Serial.Split('\n').Where(line => line.EndsWith("wrong results", StringComparison.Ordinal)),
            line => Assert.EndsWith(" 0 wrong results", line, StringComparison.Ordinal));

        // It still works.
        machine.Machine.Reset();
        machine.Machine.Run();
        machine.WaitUntilOrEnd(() => machine.Machine.Processors.All(processor => processor.Journal.Count > 0));
        Assert.NotEqual(MachineState.Failed, machine.Machine.State);
        machine.Dispose();
        Assert.All(machine.Machine.Processors, processor => Assert.Equal(ProcessorRunState.Stopped, processor.State));
    }

    [Theory, MemberData(nameof(Guests))]
    public void Disposal_at_any_moment_ends_everything(Backend backend, string guest, string commandLine, int processors)
    {
        Random random = Seed.NewRandom();
        for (int i = 0; i < 6; i++)
        {
            using TestMachine machine = TestMachine.Create(
                backend, guest, new VirtualMachineOptions { Processors = processors, CommandLine = commandLine, MemoryMiB = 8 });
            ConcurrentBag<Exception> unexpected = Race(machine.Machine, random, commands: 30, disposesAt: random.Next(0, 30));
            Assert.Empty(unexpected);
            Assert.All(machine.Machine.Processors, processor => Assert.Equal(ProcessorRunState.Stopped, processor.State));
        }
    }

    // Several threads give random commands; one of them may dispose of the machine on the way. Returns what must not have been thrown.
    private static ConcurrentBag<Exception> Race(VirtualMachine machine, Random random, int commands, int? disposesAt)
    {
        ConcurrentBag<Exception> unexpected = [];
        int[] seeds = [.. Enumerable.Range(0, Threads).Select(_ => random.Next())];
        Thread[] threads =
        [
            .. Enumerable.Range(0, Threads).Select(index => new Thread(() =>
            {
                Random own = new(seeds[index]);
                for (int i = 0; i < commands; i++)
                {
                    try
                    {
                        if (index == 0 && i == disposesAt)
                        {
                            machine.Dispose();
                        }

                        Command(machine, own);
                    }
                    catch (ObjectDisposedException) when (disposesAt is not null)
                    {
                    }
                    catch (MachineStateException e) when (!IsTimeout(e))
                    {
                    }
                    catch (Exception e)
                    {
                        unexpected.Add(e);
                    }
                }
            })
            { IsBackground = true }),
        ];
        foreach (Thread thread in threads)
        {
            thread.Start();
        }

        foreach (Thread thread in threads)
        {
            Assert.True(thread.Join(TimeSpan.FromSeconds(60)), "a command hangs");
        }

        return unexpected;
    }

    // Refusals that tell of a processor that hangs are what this is about.
    private static bool IsTimeout(MachineStateException e) =>
        e.Message.Contains("did not", StringComparison.Ordinal) || e.Message.Contains("at work", StringComparison.Ordinal);

    private static void Command(VirtualMachine machine, Random random)
    {
        switch (random.Next(0, 12))
        {
            case 0 or 1 or 2:
                machine.Run();
                break;
            case 3 or 4:
                machine.Pause();
                break;
            case 5:
                machine.Step();
                break;
            case 6:
                machine.Step(random.Next(0, machine.Processors.Length));
                break;
            case 7:
                machine.Reset();
                break;
            case 8 or 9:
                _ = machine.SwitchVendor(CpuVendor.All[random.Next(0, 2)]);
                break;
            case 10:
                machine.SetPolicy((PatchPolicy)random.Next(0, 3)); // not `inject`: guests die of it, as they should
                break;
            default:
                _ = machine.Sites.All();
                _ = machine.Processors.Select(processor => (processor.State, processor.Snapshot, processor.Rip)).ToList();
                _ = machine.TryReadMemory(0x1000, new byte[64]);
                _ = machine.LatestFrame;
                machine.Journal.Drain();
                break;
        }
    }
}
