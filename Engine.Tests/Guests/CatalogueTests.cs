using System.Globalization;
using Hyperpatch.Engine.Guests;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Tests.Support;

namespace Hyperpatch.Engine.Tests.Guests;

/// <summary>The built-in guests do what they promise, for either vendor.</summary>
public sealed class CatalogueTests
{
    // Guest, command line, processors, status, what it prints.
    private static readonly (string Guest, string CommandLine, int Processors, int Status, string Prints)[] s_runs =
    [
        ("hello", "", 1, 0, "Hello from {vendor} on Hyperpatch\n"),
        ("hello", "", 3, 0, "Hello from {vendor} on Hyperpatch\n"),
        ("undefined", "rounds=20", 1, 1, "processor 0: 100 of 100 undefined instructions counted, 80 of 80 hypercalls right\n"),
        ("undefined", "rounds=20", 2, 1, "processor 1: 100 of 100 undefined instructions counted, 80 of 80 hypercalls right\n"),
        ("patch-race", "sites=24 rounds=5", 2, 1, "2 processors, 24 sites, 5 rounds: 240 calls, all right\n"),
        ("patch-race", "sites=16 rounds=4 restore=on", 3, 1, "3 processors, 16 sites, 4 rounds: 192 calls, all right\n"),
        ("pv-spinlock", "quiet=0 rounds=3", 2, 1, "pv-spinlock: contention starts\n"),
        ("pv-spinlock", "quiet=0 rounds=3 form=intel", 3, 1, " kicks\n"),
        ("real-mode", "", 1, 0, "real-mode: 4 of 4 hypercalls right, 2 of 2 undefined instructions counted\n"),
        ("protected-mode", "", 1, 0, "protected-mode: 4 of 4 hypercalls right, 2 of 2 undefined instructions counted\n"),
        ("exit-storm", "count=200", 2, 1, ""),
        ("exit-storm", "count=1", 1, 1, ""),
        ("exit-storm", "count=40 pause=30", 2, 1, ""),
    ];

    public static TheoryData<Backend, GuestVendor, string, string, int> Runs
    {
        get
        {
            TheoryData<Backend, GuestVendor, string, string, int> rows = [];
            foreach (Backend backend in Enum.GetValues<Backend>())
            {
                foreach (GuestVendor vendor in Enum.GetValues<GuestVendor>())
                {
                    foreach ((string guest, string commandLine, int processors, _, _) in s_runs)
                    {
                        rows.Add(backend, vendor, guest, commandLine, processors);
                    }
                }
            }

            return rows;
        }
    }

    public static TheoryData<string> Names => new(GuestCatalogue.All.Select(guest => guest.Name));

    public static TheoryData<Backend, PatchPolicy, GuestVendor> Kicks
    {
        get
        {
            TheoryData<Backend, PatchPolicy, GuestVendor> rows = [];
            foreach (Backend backend in Enum.GetValues<Backend>())
            {
                foreach (PatchPolicy policy in Enum.GetValues<PatchPolicy>())
                {
                    rows.Add(backend, policy, GuestVendor.Intel);
                    rows.Add(backend, policy, GuestVendor.Amd);
                }
            }

            return rows;
        }
    }

    [Theory, MemberData(nameof(Runs))]
    public void Guest_runs_to_its_end(Backend backend, GuestVendor vendor, string guest, string commandLine, int processors)
    {
        (_, _, _, int status, string prints) =
            s_runs.Single(run => (run.Guest, run.CommandLine, run.Processors) == (guest, commandLine, processors));
        using TestMachine machine = TestMachine.Create(
            backend,
            guest,
            new VirtualMachineOptions
            {
                Vendor = vendor.Cpu(),
                Processors = processors,
                CommandLine = commandLine,
                MemoryMiB = 8,
                FramesPerSecond = 20, // how soon the end of a guest that halts is seen
            });
        MachineExit exit = machine.RunToEnd(status);
        Assert.Equal(MachineState.Stopped, machine.Machine.State);
        Assert.NotEmpty(exit.Reason);
        Assert.Contains(prints.Replace("{vendor}", vendor.Cpu().Identity, StringComparison.Ordinal), machine.Serial, StringComparison.Ordinal);
        Assert.All(machine.Machine.Sites.All(), site => Assert.Equal(vendor.Cpu(), site.LastVendor));
    }

    [Theory, MemberData(nameof(Backends.AllWithVendors), MemberType = typeof(Backends))]
    public void Mixed_runs_on_without_a_wrong_result(Backend backend, GuestVendor vendor)
    {
        // Single-stepped, four processors come to a status only after a while: two.
        int processors = backend == Backend.KvmStep ? 2 : 4;
        using TestMachine machine = TestMachine.Create(
            backend,
            "mixed",
            new VirtualMachineOptions { Vendor = vendor.Cpu(), Processors = processors, CommandLine = "rate=50", MemoryMiB = 8 });
        machine.Machine.Run();
        machine.WaitUntil(() => machine.Serial.Contains("wrong results\n", StringComparison.Ordinal), "the first status line");
        Assert.Contains($"vendor is now {vendor.Cpu().Identity}\n", machine.Serial, StringComparison.Ordinal);
        Assert.Contains(" 0 wrong results\n", machine.Serial, StringComparison.Ordinal);
        machine.WaitUntil(
            () => machine.Machine.Sites.Count >= 5 && machine.Machine.Journal.Processors.All(p => p.Count > 20), "all processors were at it");
        machine.Machine.Pause();
        Assert.Equal(MachineState.Paused, machine.Machine.State);
        Assert.All(machine.Machine.Sites.All(), site => Assert.InRange(site.Patches, 0, 1));
    }

    [Theory, MemberData(nameof(Kicks))]
    public void Spinlocks_kick_lives_or_dies_by_the_policy(Backend backend, PatchPolicy policy, GuestVendor form)
    {
        // The failure that the guest is there to show: its kick, in read-only text, is the other vendor's. The guest sees Intel.
        using TestMachine machine = TestMachine.Create(
            backend,
            "pv-spinlock",
            new VirtualMachineOptions
            {
                Processors = 2,
                Policy = policy,
                MemoryMiB = 8,
                CommandLine = string.Create(
                    CultureInfo.InvariantCulture, $"quiet=0 rounds=3 form={(form == GuestVendor.Amd ? "amd" : "intel")}"),
            });
        int status = form == GuestVendor.Intel ? 1 : policy switch { PatchPolicy.Faithful => 5, PatchPolicy.Inject => 7, _ => 1 };
        machine.RunToEnd(status);
        Assert.Equal(status == 5, machine.Serial.Contains("Kernel panic", StringComparison.Ordinal));
        if (status == 5)
        {
            Assert.Contains("in kvm_kick_cpu (error 0x3)", machine.Serial, StringComparison.Ordinal);
        }
        else if (status == 7)
        {
            Assert.Contains("panic: #UD", machine.Serial, StringComparison.Ordinal);
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void Guest_is_assembled_for_any_number_of_processors(string name)
    {
        Assert.True(GuestCatalogue.TryGet(name.ToUpperInvariant(), out BuiltInGuest? guest));
        Assert.NotEmpty(guest.Description);
        Assert.InRange(guest.DefaultProcessors, guest.MinimumProcessors, guest.MaximumProcessors);
        foreach (int processors in ((int[])[guest.MinimumProcessors, guest.DefaultProcessors, guest.MaximumProcessors]).Distinct())
        {
            GuestImage image = guest.Build(new GuestBuildOptions(processors, (ulong)guest.MinimumMemoryMiB << 20, string.Empty));
            Assert.Equal(processors, image.Processors.Length);
            Assert.All(image.Processors, start => Assert.Equal(guest.Mode, start.Mode));
            ulong end = image.Segments.Max(segment => segment.Address + (ulong)segment.Bytes.Length);
            Assert.True(end <= (ulong)guest.MinimumMemoryMiB << 20, $"ends at 0x{end:X}");
        }

        Assert.Throws<GuestOptionException>(() => guest.Build(new GuestBuildOptions(guest.MinimumProcessors, 1 << 20, string.Empty)));
        Assert.Throws<GuestOptionException>(
            () => guest.Build(new GuestBuildOptions(guest.MaximumProcessors + 1, 64 << 20, string.Empty)));
        Assert.Throws<GuestOptionException>(
            () => guest.Build(new GuestBuildOptions(guest.MinimumProcessors, 64 << 20, "no-such-word=1")));
    }

    [Theory]
    [InlineData("")]
    [InlineData(null)]
    [InlineData("hell")]
    public void Unknown_guests_are_not_found(string? name) => Assert.False(GuestCatalogue.TryGet(name, out _));
}
