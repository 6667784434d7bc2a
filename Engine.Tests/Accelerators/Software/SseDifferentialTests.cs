using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Hyperpatch.Engine.Guests.Images;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>Random SSE and SSE2 instructions, in software and on the processor behind KVM: XMM registers, MXCSR, flags and memory.</summary>
public sealed class SseDifferentialTests
{
    private const ulong UserCode = 0x2_0000_0000, UserStack = 0x2_0010_0000, InputArea = 0x3_0000_0000, OutputArea = 0x4_0000_0000;

    // In: MXCSR, RAX, RCX, one unused, XMM0 to XMM3, and 4 words of memory. Out: flags, RAX, RCX, MXCSR, XMM0 to XMM3.
    private const int Count = 500, InputWords = 16, OutputWords = 12, MemoryAt = 12;
    private static readonly AssemblerRegisterXMM[] s_xmm = [xmm0, xmm1, xmm2, xmm3];

    [Theory]
    [InlineData(1, 30)]
    public void Sse_instructions_are_the_same_as_on_hardware(int seed, int rounds)
    {
        StringBuilder differences = new();
        Dictionary<Code, int> found = [];
        for (int round = 0; round < rounds; round++)
        {
            int roundSeed = (seed * 10_000) + round;
            Random random = new(roundSeed);
            RandomSseInstructions source = new(random);
            Instruction[] instructions = [.. Enumerable.Range(0, Count).Select(_ => source.Next())];
            ulong[] input = new ulong[Count * InputWords];
            for (int i = 0; i < Count; i++)
            {
                Fill(random, input.AsSpan(i * InputWords, InputWords));
            }

            (ulong[] soft, ulong[] softMemory) = Run(Backend.Software, instructions, input);
            (ulong[] hard, ulong[] hardMemory) = Run(Backend.Kvm, instructions, input);
            for (int i = 0; i < Count; i++)
            {
                Code code = instructions[i].Code;
                string difference = Compare(i, soft, hard, softMemory, hardMemory);
                if (difference.Length != 0)
                {
                    found[code] = found.GetValueOrDefault(code) + 1;
                    if (found[code] <= 2)
                    {
                        string state = string.Join(' ', input[(i * InputWords)..((i + 1) * InputWords)].Select(w => w.ToString("X", CultureInfo.InvariantCulture)));
                        differences.AppendLine(CultureInfo.InvariantCulture, $"seed {roundSeed}, number {i}: {instructions[i]}:{difference}; from {state}");
                    }
                }
            }
        }

        Assert.True(found.Count == 0, $"{found.Values.Sum()} differences of {rounds * Count}\n{differences}");
    }

    private static string Compare(int index, ulong[] soft, ulong[] hard, ulong[] softMemory, ulong[] hardMemory)
    {
        StringBuilder text = new();
        for (int w = 0; w < OutputWords; w++)
        {
            ulong a = soft[(index * OutputWords) + w], b = hard[(index * OutputWords) + w];
            // How the guest was entered (IF) is not the instruction's doing.
            if (w == 0 ? ((a ^ b) & RandomInstructions.All) != 0 : a != b)
            {
                text.Append(CultureInfo.InvariantCulture, $" output {w} {a:X} not {b:X}");
            }
        }

        for (int w = MemoryAt; w < InputWords; w++)
        {
            ulong a = softMemory[(index * InputWords) + w], b = hardMemory[(index * InputWords) + w];
            if (a != b)
            {
                text.Append(CultureInfo.InvariantCulture, $" memory {w - MemoryAt} {a:X} not {b:X}");
            }
        }

        return text.ToString();
    }

    private static (ulong[] Output, ulong[] Memory) Run(Backend backend, Instruction[] instructions, ulong[] input)
    {
        ulong inputAt = 0, outputAt = 0;
        using TestMachine machine = TestMachine.Create(backend, b => Emit(b, instructions, out inputAt, out outputAt));
        Assert.True(machine.Machine.Memory.TryWrite(inputAt, MemoryMarshal.AsBytes(input.AsSpan())));
        machine.RunToEnd(expected: 1);
        ulong end = machine.Exception().Rip;
        Assert.True(
            machine.Exception().Vector == 6 && end == machine.Image["last"],
            $"{backend}: exception {machine.Exception().Vector} at {Convert.ToHexString(machine.Bytes(end, 8))}");
        byte[] output = new byte[Count * OutputWords * 8], memory = new byte[Count * InputWords * 8];
        Assert.True(machine.Machine.TryReadMemory(outputAt, output));
        Assert.True(machine.Machine.TryReadMemory(inputAt, memory));
        return (MemoryMarshal.Cast<byte, ulong>(output).ToArray(), MemoryMarshal.Cast<byte, ulong>(memory).ToArray());
    }

    private static void Emit(LongModeImageBuilder b, Instruction[] instructions, out ulong inputAt, out ulong outputAt)
    {
        Assembler c = b.Code;
        b.ExpectException("end");
        b.EnterUser("user", UserStack);
        b.MapNew(UserStack - 8, 1, PageFlags.Data | PageFlags.User);
        inputAt = b.MapNew(InputArea, ((Count * InputWords * 8) + 4095) / 4096, PageFlags.Data | PageFlags.User);
        outputAt = b.MapNew(OutputArea, ((Count * OutputWords * 8) + 4095) / 4096, PageFlags.Data | PageFlags.User);
        b.Define("end");
        b.Exit(0);

        b.At(UserCode, PageFlags.Code | PageFlags.User);
        b.Define("user");
        c.mov(r14, InputArea);
        c.mov(r15, OutputArea);
        foreach (Instruction instruction in instructions)
        {
            c.call(b.Symbol("load"));
            c.AddInstruction(instruction);
            c.call(b.Symbol("store"));
        }

        b.Define("last");
        c.ud2();

        b.Define("load");
        c.lea(rdi, __[r14 + (MemoryAt * 8)]);
        c.ldmxcsr(__dword_ptr[r14]);
        c.mov(rax, __qword_ptr[r14 + 8]);
        c.mov(rcx, __qword_ptr[r14 + 16]);
        for (int i = 0; i < s_xmm.Length; i++)
        {
            c.movdqu(s_xmm[i], __xmmword_ptr[r14 + 32 + (i * 16)]);
        }

        c.ret();

        b.Define("store");
        c.pushfq();
        c.pop(__qword_ptr[r15]);
        c.mov(__qword_ptr[r15 + 8], rax);
        c.mov(__qword_ptr[r15 + 16], rcx);
        c.stmxcsr(__dword_ptr[r15 + 24]);
        for (int i = 0; i < s_xmm.Length; i++)
        {
            c.movdqu(__xmmword_ptr[r15 + 32 + (i * 16)], s_xmm[i]);
        }

        c.add(r14, InputWords * 8);
        c.add(r15, OutputWords * 8);
        c.ret();
    }

    // Every kind of number, in both formats; all exceptions masked, the rest of MXCSR at random.
    private static void Fill(Random random, Span<ulong> words)
    {
        int style = random.Next(3);
        foreach (ref ulong word in words)
        {
            word = style == 0 ? (ulong)random.NextInt64() ^ ((ulong)random.NextInt64() << 1)
                : style == 1 ? Double(random)
                : Single(random) | ((ulong)Single(random) << 32);
        }

        words[0] = 0x1F80u | ((uint)random.Next(4) << 13) | (random.Next(4) == 0 ? 0x40u : 0) | (random.Next(4) == 0 ? 0x8000u : 0)
            | (random.Next(2) == 0 ? 0x20u : 0);
    }

    private static ulong Double(Random random)
    {
        ulong fraction = random.Next(3) switch { 0 => 0, 1 => (1UL << random.Next(52)) - (ulong)random.Next(2), _ => (ulong)random.NextInt64(1L << 52) };
        ulong exponent = (ulong)(random.Next(8) switch { 0 => 0, 1 => 2047, 2 => random.Next(4), 3 => 2044 + random.Next(3), 4 => random.Next(2047), 5 => 860 + random.Next(330), _ => 1020 + random.Next(66) });
        return ((ulong)random.Next(2) << 63) | (exponent << 52) | fraction;
    }

    private static uint Single(Random random)
    {
        uint fraction = random.Next(3) switch { 0 => 0, 1 => (1u << random.Next(23)) - (uint)random.Next(2), _ => (uint)random.Next(1 << 23) };
        uint exponent = (uint)(random.Next(8) switch { 0 => 0, 1 => 255, 2 => random.Next(4), 3 => 252 + random.Next(3), 4 or 5 => random.Next(255), _ => 124 + random.Next(66) });
        return ((uint)random.Next(2) << 31) | (exponent << 23) | fraction;
    }
}
