using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Hyperpatch.Engine.Guests.Images;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>Random instructions and states, in software and on the processor behind KVM: registers, memory and flags are to be the same.</summary>
public sealed class DifferentialTests
{
    private const ulong UserCode = 0x2_0000_0000, UserStack = 0x2_0010_0000, InputArea = 0x3_0000_0000, OutputArea = 0x4_0000_0000;
    private const ulong Input32 = 0x22_0000, Output32 = 0x24_0000, Code32 = 0x28_0000, Stack32 = 0x30_2000;
    private const int Count = 600, InputWords = 16, OutputWords = 14;
    private static readonly AssemblerRegister64[] s_registers = [rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12];

    [Theory]
    [InlineData(64, 1, 40)]
    [InlineData(32, 2, 40)]
    public void Integer_instructions_are_the_same_as_on_hardware(int bits, int seed, int rounds)
    {
        StringBuilder differences = new();
        int found = 0;
        for (int round = 0; round < rounds; round++)
        {
            int roundSeed = (seed * 10_000) + round;
            Random random = new(roundSeed);
            RandomInstructions source = new(random, bits);
            Instruction[] instructions = [.. Enumerable.Range(0, Count).Select(_ => source.Next())];
            ulong[] input = new ulong[Count * InputWords];
            for (int i = 0; i < input.Length; i++)
            {
                input[i] = Value(random);
            }

            for (int i = 0; i < Count; i++)
            {
                input[i * InputWords] = ((ulong)random.NextInt64() & RandomInstructions.All) | 2;
                if (instructions[i].Mnemonic is Mnemonic.Bt or Mnemonic.Bts or Mnemonic.Btr or Mnemonic.Btc)
                {
                    // The bit index stays inside the scratch area.
                    for (int r = 1; r <= s_registers.Length; r++)
                    {
                        input[(i * InputWords) + r] &= 31;
                    }
                }
            }

            (ulong[] soft, ulong[] softScratch) = Run(Backend.Software, bits, instructions, input);
            (ulong[] hard, ulong[] hardScratch) = Run(Backend.Kvm, bits, instructions, input);
            for (int i = 0; i < Count; i++)
            {
                string? difference = Compare(instructions[i], i, input, soft, hard, softScratch, hardScratch);
                if (difference is not null && ++found < 60)
                {
                    differences.AppendLine(CultureInfo.InvariantCulture, $"seed {roundSeed}, number {i}: {difference}");
                }
            }
        }

        Assert.True(found == 0, $"{found} differences of {rounds * Count}\n{differences}");
    }

    private static string? Compare(
        in Instruction instruction, int index, ulong[] input, ulong[] soft, ulong[] hard, ulong[] softScratch, ulong[] hardScratch)
    {
        int cl = (byte)input[(index * InputWords) + 3];
        if (RandomInstructions.IsResultUndefined(instruction, cl))
        {
            return null;
        }

        ulong mask = RandomInstructions.Defined(instruction, cl);
        int at = index * OutputWords;
        StringBuilder text = new();
        if (((soft[at] ^ hard[at]) & mask) != 0)
        {
            text.Append(CultureInfo.InvariantCulture, $" flags {soft[at] & mask:X} not {hard[at] & mask:X}");
        }

        for (int r = 0; r < s_registers.Length; r++)
        {
            if (soft[at + 1 + r] != hard[at + 1 + r])
            {
                text.Append(CultureInfo.InvariantCulture, $" {s_registers[r].Value} {soft[at + 1 + r]:X} not {hard[at + 1 + r]:X}");
            }
        }

        for (int w = 14; w < InputWords; w++)
        {
            ulong a = softScratch[(index * InputWords) + w], b = hardScratch[(index * InputWords) + w];
            if (a != b)
            {
                text.Append(CultureInfo.InvariantCulture, $" memory {w - 14} {a:X} not {b:X}");
            }
        }

        if (text.Length == 0)
        {
            return null;
        }

        string state = string.Join(' ', Enumerable.Range(0, InputWords).Select(w => input[(index * InputWords) + w].ToString("X", CultureInfo.InvariantCulture)));
        return $"{instruction}:{text}; from {state}";
    }

    private static (ulong[] Output, ulong[] Scratch) Run(Backend backend, int bits, Instruction[] instructions, ulong[] input)
    {
        ulong inputAt = 0, outputAt = 0;
        using TestMachine machine = TestMachine.Create(backend, b =>
        {
            if (bits == 64)
            {
                Emit64(b, instructions, out inputAt, out outputAt);
            }
            else
            {
                Emit32(b, instructions);
                inputAt = Input32;
                outputAt = Output32;
            }
        });
        Assert.True(machine.Machine.Memory.TryWrite(inputAt, MemoryMarshal.AsBytes(input.AsSpan())));
        machine.RunToEnd(expected: 1);
        ulong end = machine.Exception().Rip;
        Assert.True(
            machine.Exception().Vector == 6 && end == machine.Image["last"],
            $"{backend}: exception {machine.Exception().Vector} at {Convert.ToHexString(machine.Bytes(end, 8))}");
        byte[] output = new byte[Count * OutputWords * 8], scratch = new byte[Count * InputWords * 8];
        Assert.True(machine.Machine.TryReadMemory(outputAt, output));
        Assert.True(machine.Machine.TryReadMemory(inputAt, scratch));
        return (MemoryMarshal.Cast<byte, ulong>(output).ToArray(), MemoryMarshal.Cast<byte, ulong>(scratch).ToArray());
    }

    private static void Emit64(LongModeImageBuilder b, Instruction[] instructions, out ulong inputAt, out ulong outputAt)
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
        c.lea(r13, __[r14 + (14 * 8)]);
        for (int i = 0; i < s_registers.Length; i++)
        {
            c.mov(s_registers[i], __qword_ptr[r14 + ((i + 1) * 8)]);
        }

        c.push(__qword_ptr[r14]);
        c.popfq();
        c.ret();

        b.Define("store");
        c.pushfq();
        c.pop(__qword_ptr[r15]);
        for (int i = 0; i < s_registers.Length; i++)
        {
            c.mov(__qword_ptr[r15 + ((i + 1) * 8)], s_registers[i]);
        }

        c.add(r14, InputWords * 8);
        c.add(r15, OutputWords * 8);
        c.ret();
    }

    private static void Emit32(LongModeImageBuilder b, Instruction[] instructions)
    {
        b.ExpectException("end");
        b.EnterUser("user", Stack32, LongModeSelectors.UserCode32);
        for (ulong page = Input32; page < Output32 + 0x20000; page += 4096)
        {
            b.Protect(page, PageFlags.Data | PageFlags.User);
        }

        for (ulong page = Code32; page < Code32 + 0x4000; page += 4096)
        {
            b.Protect(page, PageFlags.Code | PageFlags.User);
        }

        b.Protect(Stack32 - 8, PageFlags.Data | PageFlags.User);
        b.Define("end");
        b.Exit(0);

        CodeEmitter emitter = b.Code32At(Code32, PageFlags.Code | PageFlags.User);
        Assembler c = emitter.Code;
        AssemblerRegister32[] registers = [eax, ebx, ecx, edx];
        Label load = c.CreateLabel(), store = c.CreateLabel();
        emitter.Define("user");
        // IRETQ took the supervisor's data segments away.
        c.mov(eax, LongModeSelectors.UserData);
        c.mov(ds, eax);
        c.mov(es, eax);
        c.mov(esi, (uint)Input32);
        c.mov(edi, (uint)Output32);
        foreach (Instruction instruction in instructions)
        {
            c.call(load);
            c.AddInstruction(instruction);
            c.call(store);
        }

        emitter.Define("last");
        c.ud2();

        c.Label(ref load);
        for (int i = 0; i < registers.Length; i++)
        {
            c.mov(registers[i], __dword_ptr[esi + ((i + 1) * 8)]);
        }

        c.mov(ebp, __dword_ptr[esi + (7 * 8)]);
        c.push(__dword_ptr[esi]);
        c.popfd();
        c.ret();

        c.Label(ref store);
        c.pushfd();
        c.pop(__dword_ptr[edi]);
        for (int i = 0; i < registers.Length; i++)
        {
            c.mov(__dword_ptr[edi + ((i + 1) * 8)], registers[i]);
        }

        c.mov(__dword_ptr[edi + (7 * 8)], ebp);
        c.add(esi, InputWords * 8);
        c.add(edi, OutputWords * 8);
        c.ret();
    }

    private static ulong Value(Random random) => random.Next(6) switch
    {
        0 => (ulong)random.Next(70),
        1 => ulong.MaxValue >> random.Next(64),
        2 => 1UL << random.Next(64),
        3 => ~(1UL << random.Next(64)),
        _ => (ulong)random.NextInt64() ^ ((ulong)random.NextInt64() << 1),
    };
}
