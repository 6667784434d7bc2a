using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Guests.Images;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Machine;

/// <summary>Vendor switches after a number of hypercalls happen exactly there.</summary>
public sealed class CountedSwitchTests
{
    public static MatrixTheoryData<Backend, int> Rows => Backends.With(1, 7, 100);

    [Theory, MemberData(nameof(Rows))]
    public void One_processor_makes_as_many_calls_between_two_switches(Backend backend, int after)
    {
        int calls = Math.Min(after * 4, 250);
        using TestMachine machine = TestMachine.Run(
            backend,
            b => Calls(b, calls),
            options: new VirtualMachineOptions { MemoryMiB = 4, SwitchVendorAfter = after });
        ExpectSwitches(machine, calls, after);
    }

    [Fact]
    public void In_a_deterministic_machine_all_processors_together_do()
    {
        const int Each = 90;
        const int After = 50;
        using TestMachine machine = TestMachine.Create(
            Backend.Deterministic,
            b => Calls(b, Each),
            image: new LongModeOptions { Processors = 4 },
            options: new VirtualMachineOptions { MemoryMiB = 4, SwitchVendorAfter = After });
        machine.RunToEnd(expected: 1);
        ExpectSwitches(machine, 4 * Each, After);
    }

    [Fact]
    public void A_reset_counts_anew()
    {
        using TestMachine machine = TestMachine.Create(
            Backend.Software, b => Calls(b, 15), options: new VirtualMachineOptions { MemoryMiB = 4, SwitchVendorAfter = 10 });
        machine.RunToEnd(expected: 1);
        Assert.Equal(1, machine.Machine.Epoch);
        machine.Machine.Reset();
        machine.RunToEnd(expected: 1);
        List<ExitRecord> served = [.. machine.Interceptions().Where(record => record.Outcome == InterceptionOutcome.Served)];
        Assert.Equal([10, 5 + 10, 5], Enumerable.Range(0, 3).Select(epoch => served.Count(record => record.Epoch == epoch)));
    }

    [Fact]
    public void After_none_is_refused()
    {
        MachineOptionException refusal = Assert.Throws<MachineOptionException>(() => TestMachine.Create(
            Backend.Software, "hello", new VirtualMachineOptions { MemoryMiB = 8, SwitchVendorAfter = 0 }));
        Assert.Equal("switchVendorAfter", refusal.Field);
    }

    private static void ExpectSwitches(TestMachine machine, int calls, int after)
    {
        List<ExitRecord> served = [.. machine.Interceptions().Where(record => record.Outcome == InterceptionOutcome.Served)];
        Assert.Equal(calls, served.Count);
        // The one that ends the last stretch may come behind the guest's last call.
        Assert.InRange(machine.Machine.Epoch, (calls - 1) / after, calls / after);
        for (int i = 0; i < calls; i++)
        {
            Assert.Equal(i / after, (int)served[i].Epoch);
        }
    }

    private static void Calls(LongModeImageBuilder b, int calls)
    {
        Assembler c = b.Code;
        ulong done = b.Reserve(8);
        Label again = c.CreateLabel();
        c.mov(ebp, edi);
        c.mov(r12d, calls);
        c.Label(ref again);
        c.mov(eax, 0x1234);
        b.Hypercall(GuestVendor.Intel);
        c.dec(r12d);
        c.jne(again);
        b.ExitTogether(done);
    }
}
