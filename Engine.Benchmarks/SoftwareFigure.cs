using System.Buffers.Binary;
using System.Diagnostics;
using Hyperpatch.Engine.Accelerators.Software;
using Hyperpatch.Engine.Guests.Images;
using Hyperpatch.Engine.Machine;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Benchmarks;

/// <summary>The processor in software: instructions a second in three loops, and its hypercall round trip.</summary>
internal sealed class SoftwareFigure : IFigure
{
    private static readonly TimeSpan s_warmUp = TimeSpan.FromMilliseconds(600);
    private static readonly TimeSpan s_window = TimeSpan.FromMilliseconds(800);

    public string Name => "software";

    public bool NeedsKvm => false;

    public IEnumerable<FigureResult> Measure()
    {
        SoftwareAccelerator accelerator = new();
        yield return Loop(accelerator, "integer loop", 8, (c, _) =>
        {
            c.mov(ebx, eax);
            c.add(eax, 7);
            c.xor(ebx, edx);
            c.shr(ebx, 3);
            c.add(edx, ebx);
            c.and(edx, 0xFFFF);
        });
        yield return Loop(accelerator, "memory loop", 8, (c, data) =>
        {
            c.mov(rsi, data);
            c.mov(rax, __qword_ptr[rsi]);
            c.add(rax, rdx);
            c.mov(__qword_ptr[rsi + 8], rax);
            c.inc(__dword_ptr[rsi + 16]);
            c.lea(rdx, __[rax + (rax * 2) + 1]);
        });
        yield return Loop(accelerator, "call loop", 6, (c, _) =>
        {
            Label next = c.CreateLabel(), target = c.CreateLabel();
            c.call(target);
            c.jmp(next);
            c.Label(ref target);
            c.add(eax, 1);
            c.ret();
            c.Label(ref next);
            c.zero_bytes();
        });
        using MeasuredMachine calls = MeasuredMachine.RightHypercall(accelerator);
        calls.WarmUp();
        List<double> rounds = [calls.Measure(), calls.Measure(), calls.Measure()];
        yield return new FigureResult($"software: hypercall round trip {Statistics.Median(rounds):0} ns", "below 150 ns", Statistics.Median(rounds) < 150);
        using MeasuredMachine ports = MeasuredMachine.PortIo(accelerator);
        ports.WarmUp();
        yield return new FigureResult($"software: port-I/O round trip {ports.Measure():0} ns", "for comparison", null);
    }

    private static FigureResult Loop(SoftwareAccelerator accelerator, string name, int instructions, Action<Assembler, ulong> body)
    {
        ulong counter = 0;
        LongModeImage image = LongModeImage.Build(b =>
        {
            Assembler c = b.Code;
            counter = b.Reserve(8, 64);
            ulong data = b.Reserve(64, 64);
            Label outer = c.CreateLabel(), inner = c.CreateLabel();
            c.Label(ref outer);
            c.mov(ecx, 1000);
            c.Label(ref inner);
            body(c, data);
            c.dec(ecx);
            c.jne(inner);
            c.inc(__qword_ptr[counter]);
            c.jmp(outer);
        });
        using VirtualMachine machine = new("loop", new VirtualMachineOptions(), image.Image, accelerator);
        machine.Run();
        Thread.Sleep(s_warmUp);
        long start = Stopwatch.GetTimestamp();
        ulong before = Read();
        Thread.Sleep(s_window);
        double rate = (Read() - before) * 1000.0 * instructions / Stopwatch.GetElapsedTime(start).TotalSeconds;
        return new FigureResult($"software: {name}, {rate / 1e6:0} million instructions a second", "for comparison", null);

        ulong Read()
        {
            byte[] bytes = new byte[8];
            _ = machine.TryReadMemory(counter, bytes);
            return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        }
    }
}
