using System.Runtime.CompilerServices;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Tests.Support;
using Hyperpatch.Engine.Vendors;

namespace Hyperpatch.Engine.Tests.Machine;

/// <summary>A machine that is over and disposed of is kept by nobody: its history alone has megabytes.</summary>
public sealed class MachineMemoryTests
{
    private const int Attempts = 100;

    [Theory]
    [MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public async Task A_machine_that_was_disposed_of_is_garbage(Backend backend)
    {
        WeakReference machine = UseOne(backend);
        for (int i = 0; i < Attempts && machine.IsAlive; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            // Its threads have ended; what they had on their stacks goes with them, a moment later.
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }

        Assert.False(machine.IsAlive, $"{backend}: somebody keeps the machine");
    }

    // On its own, so that no local of the caller's keeps it.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference UseOne(Backend backend)
    {
        using TestMachine machine = TestMachine.Create(backend, "mixed", new VirtualMachineOptions { Processors = 2, MemoryMiB = 16 });
        VirtualMachine it = machine.Machine;
        using IDisposable subscription = it.Subscribe(_ => { });
        it.Run();
        TestMachine.WaitFor(() => it.Journal.Count > 50, "there were exits");
        _ = it.SwitchVendor(CpuVendor.Amd);
        it.Pause();
        it.Step();
        it.Reset();
        it.Run();
        return new WeakReference(it);
    }
}
