using System.Buffers.Binary;
using System.Diagnostics;
using Hyperpatch.Engine.Accelerators.Software;
using Hyperpatch.Engine.Guests;
using Hyperpatch.Engine.Guests.Images;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Vendors;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Benchmarks;

/// <summary>What the processor in software may cost beside its speed: a patch, a start, memory, and more processors than cores.</summary>
internal sealed class SoftwareLimitsFigure : IFigure
{
    private const int Rounds = 15;
    private const int Sites = 2000;
    private const int MemoryMiB = 64;
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(4);
    private readonly SoftwareAccelerator _accelerator = new();

    public string Name => "software-limits";

    public bool NeedsKvm => false;

    public IEnumerable<FigureResult> Measure()
    {
        // First, while nothing else has brought in what the engine needs: the compiled code counts too.
        yield return Memory();
        yield return Start();
        yield return Patch();
        yield return Processors();
    }

    private FigureResult Memory()
    {
        GuestImage image = LongModeImage.Build(b =>
        {
            Label again = b.Code.CreateLabel();
            b.Code.Label(ref again);
            b.Code.mov(eax, 1);
            b.Code.vmcall();
            b.Code.@out(0x80, al);
            b.Code.jmp(again);
        }).Image;
        long before = Resident();
        using VirtualMachine machine = new("memory", new VirtualMachineOptions { MemoryMiB = MemoryMiB }, image, _accelerator);
        machine.Run();
        Thread.Sleep(1500);
        // The guest touches next to nothing of its own memory, so none of it is taken off.
        double more = (Resident() - before) / 1048576.0;
        return new FigureResult($"software: memory beyond a 64 MiB guest's own, {more:0.0} MiB", "under 64 MiB", more < 64);
    }

    private FigureResult Start()
    {
        GuestImage image = LongModeImage.Build(b =>
        {
            b.Code.mov(dx, 0x3F8);
            b.Code.@out(dx, al);
            b.Halt();
        }).Image;
        List<double> milliseconds = [];
        for (int i = 0; i <= Rounds; i++)
        {
            long start = Stopwatch.GetTimestamp();
            using VirtualMachine machine = new("start", new VirtualMachineOptions { MemoryMiB = MemoryMiB }, image, _accelerator);
            machine.Run();
            _ = SpinWait.SpinUntil(() => machine.Serial.Written > 0, s_limit);
            milliseconds.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        // Not the first: it compiles.
        milliseconds.RemoveAt(0);
        return new FigureResult(
            $"software: making a 64 MiB machine to its first instruction: {Statistics.Spread(milliseconds)} ms",
            "under 5 ms",
            Statistics.Median(milliseconds) < 5);
    }

    private FigureResult Patch()
    {
        // The runtime compiles anew, in steps, what is called often: a site's patch is measured behind the last of them.
        long begin = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(begin) < s_warmUp)
        {
            _ = PatchOnce();
        }

        List<double> nanoseconds = [];
        for (int i = 0; i < Rounds; i++)
        {
            nanoseconds.Add(PatchOnce());
        }

        return new FigureResult(
            $"software: patch of a site, {Sites} sites' first calls after a vendor switch less right ones: {Statistics.Spread(nanoseconds, "0")} ns a site",
            "under 2000 ns",
            Statistics.Median(nanoseconds) < 2000);
    }

    // Nanoseconds that a site's first call after a vendor switch takes beyond a right one; the time-stamp counter in software counts them.
    private double PatchOnce()
    {
        const int SitesAddress = 0x14_0000, Distance = 32, Passes = 30;
        ulong right = 0, patched = 0;
        GuestImage image = LongModeImage.Build(b =>
        {
            Assembler c = b.Code;
            right = b.Reserve(8);
            patched = b.Reserve(8);
            Label warm = c.CreateLabel(), wait = c.CreateLabel();
            c.mov(r14d, Passes);
            c.Label(ref warm);
            b.Call("pass");
            c.mov(__qword_ptr[right], rax);
            c.dec(r14d);
            c.jne(warm);

            // The switch stops the guest, so it must not fall into what is measured.
            c.mov(dx, 0x3F8);
            c.@out(dx, al);
            c.mov(dx, 0x3FD);
            c.Label(ref wait);
            c.@in(al, dx);
            c.test(al, 1);
            c.je(wait);
            b.Call("pass");
            c.mov(__qword_ptr[patched], rax);
            b.Exit(0);

            b.Define("pass");
            Label next = c.CreateLabel();
            c.rdtsc();
            c.shl(rdx, 32);
            c.lea(r15, __[rax + rdx]);
            c.mov(r12d, SitesAddress);
            c.Label(ref next);
            c.call(r12);
            c.add(r12, Distance);
            c.cmp(r12, SitesAddress + (Sites * Distance));
            c.jne(next);
            c.rdtsc();
            c.shl(rdx, 32);
            c.add(rax, rdx);
            c.sub(rax, r15);
            c.ret();

            b.At(SitesAddress);
            for (int i = 0; i < Sites; i++)
            {
                c.mov(eax, 1);
                c.vmcall();
                c.ret();
                c.dq(0xCCCCCCCCCCCCCCCC, 0xCCCCCCCCCCCCCCCC);
                c.db(0xCC, 0xCC, 0xCC, 0xCC, 0xCC, 0xCC, 0xCC);
            }
        }).Image;
        using VirtualMachine machine = new("patch", new VirtualMachineOptions { MemoryMiB = 4 }, image, _accelerator);
        machine.Run();
        _ = SpinWait.SpinUntil(() => machine.Serial.Written > 0, s_limit);
        _ = machine.SwitchVendor(CpuVendor.Amd);
        _ = machine.Serial.SendInput([0]);
        return SpinWait.SpinUntil(() => machine.Exit is not null, s_limit)
            && machine.Journal.CountOf(Interception.InterceptionOutcome.Patched) == Sites
            ? (Read(machine, patched) - (double)Read(machine, right)) / Sites
            : throw new InvalidOperationException($"The guest with many sites ended with {machine.Exit?.Reason ?? "nothing"}.");
    }

    private FigureResult Processors()
    {
        List<double> ratios = [];
        for (int i = 0; i < 5; i++)
        {
            double two = Rate(2);
            ratios.Add(Rate(4) / two);
        }

        return new FigureResult(
            $"software: total rate of 4 processors to that of 2, on {Environment.ProcessorCount} cores: {Statistics.Spread(ratios)}",
            "at least 0.80",
            Statistics.Median(ratios) >= 0.8);
    }

    private double Rate(int processors)
    {
        const int Stride = 64;
        ulong counters = 0;
        GuestImage image = LongModeImage.Build(
            b =>
            {
                Assembler c = b.Code;
                counters = b.Reserve(Stride * processors, Stride);
                Label outer = c.CreateLabel(), inner = c.CreateLabel();
                c.shl(rdi, 6);
                c.add(rdi, (int)counters);
                c.Label(ref outer);
                c.mov(ecx, 1000);
                c.Label(ref inner);
                c.lea(eax, __[rax + (rax * 4) + 7]);
                c.xor(edx, eax);
                c.dec(ecx);
                c.jne(inner);
                c.inc(__qword_ptr[rdi]);
                c.jmp(outer);
            },
            new LongModeOptions { Processors = processors }).Image;
        using VirtualMachine machine = new("rate", new VirtualMachineOptions { Processors = processors }, image, _accelerator);
        machine.Run();
        Thread.Sleep(400);
        long start = Stopwatch.GetTimestamp();
        double before = Total();
        Thread.Sleep(1000);
        return (Total() - before) / Stopwatch.GetElapsedTime(start).TotalSeconds;

        double Total() => Enumerable.Range(0, processors).Sum(i => (double)Read(machine, counters + (ulong)(i * Stride)));
    }

    private static ulong Read(VirtualMachine machine, ulong address)
    {
        byte[] bytes = new byte[8];
        _ = machine.TryReadMemory(address, bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    private static long Resident()
    {
        GC.Collect();
        using Process self = Process.GetCurrentProcess();
        return self.WorkingSet64;
    }
}
