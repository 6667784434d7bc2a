using System.Diagnostics;
using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Guests;
using Hyperpatch.Engine.Guests.Images;
using Hyperpatch.Engine.Machine;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Benchmarks;

/// <summary>A machine with one loop, run for a moment at a time.</summary>
internal sealed class MeasuredMachine : IDisposable
{
    private const int Unrolled = 16;
    private static readonly TimeSpan s_warmUp = TimeSpan.FromMilliseconds(60);
    private static readonly TimeSpan s_window = TimeSpan.FromMilliseconds(400);
    private readonly VirtualMachine _machine;

    private MeasuredMachine(IAccelerator accelerator, Action<Assembler> body)
    {
        GuestImage image = LongModeImage.Build(b =>
        {
            Assembler c = b.Code;
            Label again = c.CreateLabel();
            c.Label(ref again);
            for (int i = 0; i < Unrolled; i++)
            {
                body(c);
            }

            c.jmp(again);
        }).Image;
        _machine = new VirtualMachine("bench", new VirtualMachineOptions(), image, accelerator);
    }

    /// <summary>OUT to a port without a device.</summary>
    public static MeasuredMachine PortIo(IAccelerator accelerator) => new(accelerator, c => c.@out(0x80, al));

    /// <summary>VAPIC_POLL_IRQ in Intel's form; the machine's vendor is Intel.</summary>
    public static MeasuredMachine RightHypercall(IAccelerator accelerator) => new(accelerator, c =>
    {
        c.mov(eax, 1);
        c.vmcall();
    });

    /// <summary>The same, assembled in AMD's form: patched when it first runs.</summary>
    public static MeasuredMachine PatchedHypercall(IAccelerator accelerator) => new(accelerator, c =>
    {
        c.mov(eax, 1);
        c.vmmcall();
    });

    /// <summary>Bytes written by patches so far.</summary>
    public long Patches => _machine.Journal.CountOf(Interception.InterceptionOutcome.Patched);

    /// <summary>Runs until the host's own code is compiled as far as it will be: until it gets no faster.</summary>
    public void WarmUp()
    {
        const int Most = 15, Steady = 3;
        double best = double.MaxValue;
        for (int i = 0, since = 0; i < Most && since < Steady; i++)
        {
            double now = Measure();
            since = now < best * 0.97 ? 0 : since + 1;
            best = Math.Min(best, now);
        }
    }

    /// <summary>Nanoseconds an exit, over one window.</summary>
    public double Measure()
    {
        _machine.Run();
        Thread.Sleep(s_warmUp);
        ProcessorJournal journal = _machine.Journal.Processors[0];
        long before = journal.Count;
        long start = Stopwatch.GetTimestamp();
        Thread.Sleep(s_window);
        double elapsed = Stopwatch.GetElapsedTime(start).TotalNanoseconds;
        long exits = journal.Count - before;
        _machine.Pause();
        return elapsed / exits;
    }

    /// <summary>Bytes that the processor's thread allocates while the guest makes exits.</summary>
    /// <param name="exits">Receives how many it made.</param>
    public long Allocated(out long exits)
    {
        // Twice the same: what pausing and asking cost is in both readings.
        long Read() => _machine.Processors[0].InvokeAsync(_ => GC.GetAllocatedBytesForCurrentThread()).GetAwaiter().GetResult();

        _ = Measure();
        _ = Read();
        long idleStart = Read();
        long idle = Read() - idleStart;
        long before = Read();
        long count = _machine.Journal.Count;
        _ = Measure();
        exits = _machine.Journal.Count - count;
        return Read() - before - idle;
    }

    public void Dispose() => _machine.Dispose();
}
