using System.Collections;
using Hyperpatch.Engine.Guests.Images;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Machine.PausePoints;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Machine;

/// <summary>A vendor switch by the count of hypercalls that comes while another command is at work, and takes its time.</summary>
public sealed class SwitchPatienceTests
{
    [Fact]
    public async Task It_waits_however_long_the_other_command_takes()
    {
        ulong go = 0;
        using TestMachine machine = TestMachine.Create(
            Backend.Software,
            b =>
            {
                Assembler c = b.Code;
                go = b.Reserve(8);
                Label wait = c.CreateLabel(), again = c.CreateLabel();
                c.Label(ref wait);
                c.pause();
                c.cmp(__qword_ptr[go], 0);
                c.je(wait);
                c.mov(ebx, 8);
                c.Label(ref again);
                c.mov(eax, 9);
                b.Hypercall(GuestVendor.Intel);
                c.dec(ebx);
                c.jne(again);
                b.Exit(0);
            },
            options: new VirtualMachineOptions { MemoryMiB = 4, SwitchVendorAfter = 3 });
        using SlowList slow = new();
        machine.Machine.Run();
        // This command looks at the list while it is at work: for longer than commands wait for each other.
        Task command = Task.Run(() => machine.Machine.SetPausePoints(slow), TestContext.Current.CancellationToken);
        Assert.True(slow.IsAsked.Wait(TestMachine.Limit, TestContext.Current.CancellationToken));
        Assert.True(machine.Machine.Memory.TryWrite(go, [1]));
        await Task.Delay(TimeSpan.FromSeconds(6), TestContext.Current.CancellationToken);
        Assert.Equal((MachineState.Running, 0), (machine.Machine.State, machine.Machine.Epoch));
        slow.Answer.Set();
        await command;
        _ = machine.WaitForEnd(expected: 1);
        Assert.True(machine.Machine.Epoch > 0, "no switch");
    }

    private sealed class SlowList : IReadOnlyList<PausePointOptions>, IDisposable
    {
        public ManualResetEventSlim IsAsked { get; } = new();

        public ManualResetEventSlim Answer { get; } = new();

        public int Count
        {
            get
            {
                IsAsked.Set();
                Assert.True(Answer.Wait(TestMachine.Limit));
                return 0;
            }
        }

        public PausePointOptions this[int index] => throw new ArgumentOutOfRangeException(nameof(index));

        public IEnumerator<PausePointOptions> GetEnumerator() => Enumerable.Empty<PausePointOptions>().GetEnumerator();

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

        public void Dispose()
        {
            IsAsked.Dispose();
            Answer.Dispose();
        }
    }
}
