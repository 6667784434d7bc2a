using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Guests.Images;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Tests.Support;
using Hyperpatch.Engine.Vendors;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Machine;

/// <summary>Many processors at the same sites: one patch each, every call served once.</summary>
[Collection(StressCollection.Name)]
public sealed class SmpTests
{
    private const ulong SitesAt = LongModeLayout.Text + 0x20000;

    public static TheoryData<Backend, GuestVendor, int> Races
    {
        get
        {
            TheoryData<Backend, GuestVendor, int> rows = [];
            foreach (GuestVendor vendor in Enum.GetValues<GuestVendor>())
            {
                foreach (int processors in (int[])[2, 4, 8])
                {
                    rows.Add(Backend.Kvm, vendor, processors);
                    rows.Add(Backend.Software, vendor, processors);
                }

                rows.Add(Backend.KvmStep, vendor, 2);
                rows.Add(Backend.KvmStep, vendor, 4);
                rows.Add(Backend.Deterministic, vendor, 4);
            }

            return rows;
        }
    }

    public static TheoryData<Backend, string, string, int, int> SwitchedGuests => new()
    {
        { Backend.Kvm, "patch-race", "sites=64 rounds=150", 4, 1 },
        { Backend.Kvm, "patch-race", "sites=32 rounds=300 restore=on", 2, 1 },
        { Backend.Kvm, "undefined", "rounds=3000", 2, 1 },
        { Backend.Software, "patch-race", "sites=64 rounds=150", 4, 1 },
        { Backend.Software, "patch-race", "sites=32 rounds=300 restore=on", 2, 1 },
        { Backend.Software, "undefined", "rounds=3000", 2, 1 },
        { Backend.KvmStep, "patch-race", "sites=16 rounds=60", 2, 1 },
        { Backend.Deterministic, "patch-race", "sites=32 rounds=300 restore=on", 4, 1 },
        { Backend.KvmStep, "undefined", "rounds=200", 2, 1 },
    };

    [Theory, MemberData(nameof(Races))]
    public void Every_site_is_patched_once_and_every_call_served_once(Backend backend, GuestVendor vendor, int processors)
    {
        // Sites across cache lines and pages among them. Each processor calls with a number of its own at each site and checks the result.
        const int Sites = 24;
        const int Rounds = 4;
        ulong wrong = 0;
        using TestMachine machine = TestMachine.Create(
            backend,
            b => wrong = EmitRace(b, Sites, Rounds, vendor.Other()),
            vendor,
            image: new LongModeOptions { Processors = processors });
        machine.RunToEnd(expected: 1);
        Assert.Equal(0UL, machine.Word(wrong));
        Assert.Equal((Sites * Rounds * processors, Sites), (machine.Served, machine.Patched));
        Assert.Equal(Sites, machine.Machine.Sites.Count);
        Assert.Equal(Enumerable.Range(1, Sites), machine.Machine.Sites.All().Select(site => site.Id).Order());
        for (int i = 0; i < Sites; i++)
        {
            HypercallSite site = machine.Site($"site_{i}");
            Assert.Equal((Rounds * processors, 1, 1), (site.Calls, site.Patches, site.Attempts));
            Assert.Equal([0x0F, 0x01, vendor.Opcode(), 0xC3], machine.Bytes($"site_{i}", 4));
        }

        // No processor has ever seen anything but one of the two forms.
        List<ExitRecord> records = machine.Interceptions();
        Assert.Equal(Sites * ((Rounds * processors) + 1), records.Count);
        Assert.All(records, record => Assert.True((record.Bytes & 0xFF_FFFF) is 0xC1010F or 0xD9010F, $"{record.Bytes:X}"));
        Assert.Equal(
            Enumerable.Repeat((long)Rounds * Sites, processors),
            Enumerable.Range(0, processors).Select(i => records.LongCount(r => r.Processor == i && r.Outcome == InterceptionOutcome.Served)));
    }

    [Theory, MemberData(nameof(SwitchedGuests))]
    public void Vendor_switches_at_random_moments_spoil_no_result(Backend backend, string guest, string commandLine, int processors, int status)
    {
        Random random = Seed.NewRandom();
        using TestMachine machine = TestMachine.Create(
            backend, guest, new VirtualMachineOptions { Processors = processors, CommandLine = commandLine, MemoryMiB = 8 });
        machine.Machine.Run();
        int switches = 0;
        while (machine.Machine.State == MachineState.Running)
        {
            // Between none and some thousand exits later.
            long until = machine.Machine.Journal.Count + random.Next(0, 1 << random.Next(0, 12));
            machine.WaitUntilOrEnd(() => machine.Machine.Journal.Count >= until);
            try
            {
                CpuVendor next = machine.Machine.Vendor == CpuVendor.Intel ? CpuVendor.Amd : CpuVendor.Intel;
                Assert.NotNull(machine.Machine.SwitchVendor(next));
                switches++;
            }
            catch (MachineStateException) when (machine.Machine.State == MachineState.Stopped)
            {
                break;
            }
        }

        machine.WaitForEnd(status);
        Assert.True(switches > 1, $"{switches} switches");
        Assert.Equal(switches, machine.Machine.Epoch);
        ExpectConsistentHistory(machine);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Mixed_lives_through_vendor_switches(Backend backend)
    {
        Random random = Seed.NewRandom();
        using TestMachine machine = TestMachine.Create(
            backend, "mixed", new VirtualMachineOptions { Processors = 3, CommandLine = "rate=100", MemoryMiB = 8 });
        machine.Machine.Run();
        for (int i = 0; i < 25; i++)
        {
            long until = machine.Machine.Journal.Count + random.Next(0, 200);
            machine.WaitUntil(() => machine.Machine.Journal.Count >= until, "some exits");
            Assert.NotNull(machine.Machine.SwitchVendor(i % 2 == 0 ? CpuVendor.Amd : CpuVendor.Intel));
        }

        // A status line that was written after all of them.
        int lines = Lines();
        machine.WaitUntil(() => Lines() > lines, "the next status line");
        Assert.DoesNotContain("panic", machine.Serial, StringComparison.Ordinal);
        Assert.All(
            machine.Serial.Split('\n').Where(line => line.EndsWith("wrong results", StringComparison.Ordinal)),
            line => Assert.EndsWith(" 0 wrong results", line, StringComparison.Ordinal));
        Assert.Contains("AuthenticAMD", machine.Serial, StringComparison.Ordinal);
        machine.Machine.Pause();
        ExpectConsistentHistory(machine);

        int Lines() => machine.Serial.Split("wrong results\n").Length;
    }

    [Theory]
    [InlineData(Backend.Kvm, 64)]
    [InlineData(Backend.Software, 64)]
    [InlineData(Backend.KvmStep, 64)]
    public void Many_processors_start_run_and_stop(Backend backend, int processors)
    {
        using TestMachine machine = TestMachine.Create(
            backend, "exit-storm", new VirtualMachineOptions { Processors = processors, CommandLine = "count=5", MemoryMiB = 8 });
        machine.RunToEnd(expected: 1);
        // The last processor's write to the debug exit comes on top.
        Assert.Equal((processors * 5) + 1, machine.Machine.Journal.CountOf(ExitReason.PortIo));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Processor_that_comes_late_to_a_guest_that_is_over_is_paused_like_the_others(Backend backend)
    {
        // Processor 0 ends the guest with its first instructions; most of the other threads have not even started by then.
        for (int round = 0; round < 5; round++)
        {
            using TestMachine machine = TestMachine.Create(
                backend,
                b =>
                {
                    Assembler c = b.Code;
                    Label other = c.CreateLabel();
                    c.test(edi, edi);
                    c.jne(other);
                    b.Exit(0);
                    c.Label(ref other);
                    b.Halt();
                },
                image: new LongModeOptions { Processors = 32 },
                options: new VirtualMachineOptions { MemoryMiB = 8 });
            machine.RunToEnd(expected: 1);
            Assert.All(machine.Machine.Processors, processor => Assert.Equal(ProcessorRunState.Paused, processor.State));
        }
    }

    [Theory]
    [InlineData(Backend.Kvm)]
    [InlineData(Backend.Software)]
    [InlineData(Backend.KvmStep)]
    public void Many_running_processors_are_paused_switched_and_disposed(Backend backend)
    {
        TestMachine machine = TestMachine.Create(backend, "exit-storm", new VirtualMachineOptions { Processors = 64, MemoryMiB = 8 });
        using (machine)
        {
            machine.Machine.Run();
            machine.WaitUntil(() => machine.Machine.Processors.All(processor => processor.Journal.Count > 0), "all had an exit");
            machine.Machine.Pause();
            Assert.All(machine.Machine.Processors, processor => Assert.Equal(ProcessorRunState.Paused, processor.State));
            long exits = machine.Machine.Journal.Count;
            Assert.NotNull(machine.Machine.SwitchVendor(CpuVendor.Amd));
            Assert.Equal(exits, machine.Machine.Journal.Count);
            machine.Machine.Run();
            machine.WaitUntil(() => machine.Machine.Journal.Count > exits, "they went on");
        }

        Assert.All(machine.Machine.Processors, processor => Assert.Equal(ProcessorRunState.Stopped, processor.State));
    }

    // Each patch's bytes are those of one vendor, the one of its epoch.
    private static void ExpectConsistentHistory(TestMachine machine)
    {
        foreach (HypercallSite site in machine.Machine.Sites.All())
        {
            foreach (PatchEvent patch in site.History.Where(one => one.Outcome == InterceptionOutcome.Patched))
            {
                CpuVendor vendor = patch.Epoch % 2 == 0 ? CpuVendor.Intel : CpuVendor.Amd;
                Assert.Equal(vendor.Id, patch.Vendor);
                Assert.Equal(vendor.HypercallOpcode, patch.After.Span[^1]);
                Assert.NotEqual(vendor.HypercallOpcode, patch.Before.Span[^1]);
                Assert.Equal(1, patch.Count);
            }
        }
    }

    private static ulong EmitRace(LongModeImageBuilder b, int sites, int rounds, GuestVendor form)
    {
        Assembler c = b.Code;
        int processors = b.Options.Processors;
        ulong wrong = b.Reserve(8), arrived = b.Reserve(8, 64), finished = b.Reserve(8);
        Label round = c.CreateLabel(), wait = c.CreateLabel(), last = c.CreateLabel();
        c.mov(rbp, rdi);
        c.mov(r12d, rounds);
        c.Label(ref round);
        // All at once, in every round: the count of arrivals only grows.
        c.add(r13, processors);
        c.@lock.inc(__qword_ptr[arrived]);
        c.Label(ref wait);
        c.pause();
        c.cmp(__qword_ptr[arrived], r13);
        c.jb(wait);
        for (int i = 0; i < sites; i++)
        {
            // SCHED_YIELD gives 0, numbers that nobody knows give -1000: neighbours differ.
            Label right = c.CreateLabel();
            c.mov(eax, i % 2 == 0 ? 11 : 0x2000 + i);
            c.mov(rbx, rbp);
            c.call(b.Symbol($"site_{i}"));
            c.cmp(rax, i % 2 == 0 ? 0 : -1000);
            c.je(right);
            c.@lock.inc(__qword_ptr[wrong]);
            c.Label(ref right);
            c.cmp(rbx, rbp);
            c.je(b.Symbol($"next_{i}"));
            c.@lock.inc(__qword_ptr[wrong]);
            b.Define($"next_{i}");
        }

        c.dec(r12d);
        c.jne(round);
        c.mov(eax, 1);
        c.@lock.xadd(__qword_ptr[finished], rax);
        c.cmp(eax, processors - 1);
        c.je(last);
        b.Halt();
        c.Label(ref last);
        b.Exit(0);

        for (int i = 0; i < sites; i++)
        {
            ulong page = SitesAt + ((ulong)i * 0x1000);
            b.At(page + (i % 4) switch { 0 => 0x100UL, 1 => 0x13FUL, 2 => 0xFFEUL, _ => 0xFFFUL });
            b.Define($"site_{i}");
            b.Hypercall(form);
            c.ret();
        }

        return wrong;
    }
}
