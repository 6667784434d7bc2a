using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>Random instructions on MM registers, in software and on the processor behind KVM: all that FXSAVE shows, RAX, RCX and memory.</summary>
public sealed class MmxDifferentialTests
{
    // Of each: an FXSAVE area, RAX and RCX, and from MemoryAt on the memory at RDI. The same again for what comes out.
    private const int Count = 300, Size = 576, RaxAt = 512, RcxAt = 520, MemoryAt = 528;

    [Theory]
    [InlineData(1, 20)]
    public void Mmx_instructions_are_the_same_as_on_hardware(int seed, int rounds)
    {
        StringBuilder differences = new();
        Dictionary<Code, int> found = [];
        for (int round = 0; round < rounds; round++)
        {
            int roundSeed = (seed * 10_000) + round;
            Random random = new(roundSeed);
            RandomSseInstructions source = new(random, isMm: true);
            Instruction[] instructions = [.. Enumerable.Range(0, Count).Select(_ => source.Next())];
            byte[] input = new byte[Count * Size];
            for (int i = 0; i < Count; i++)
            {
                Fill(random, input.AsSpan(i * Size, Size));
            }

            byte[] soft = Run(Backend.Software, instructions, input), hard = Run(Backend.Kvm, instructions, input);
            for (int i = 0; i < Count; i++)
            {
                string difference = Compare(soft.AsSpan(i * Size, Size), hard.AsSpan(i * Size, Size));
                Code code = instructions[i].Code;
                if (difference.Length != 0)
                {
                    found[code] = found.GetValueOrDefault(code) + 1;
                    if (found[code] <= 2)
                    {
                        differences.AppendLine(CultureInfo.InvariantCulture, $"seed {roundSeed}, number {i}: {instructions[i]}:{difference}");
                    }
                }
            }
        }

        Assert.True(found.Count == 0, $"{found.Values.Sum()} differences of {rounds * Count}\n{differences}");
    }

    private static string Compare(ReadOnlySpan<byte> soft, ReadOnlySpan<byte> hard)
    {
        StringBuilder text = new();
        for (int at = 0; at < Size; at += 2)
        {
            // Not compared here: where the last x87 instruction was, and registers that no instruction names.
            if (at is >= 6 and < 24 or >= 28 and < 32 or >= 224 and < RaxAt)
            {
                continue;
            }

            if (!soft.Slice(at, 2).SequenceEqual(hard.Slice(at, 2)))
            {
                text.Append(CultureInfo.InvariantCulture, $" at {at} {Convert.ToHexString(soft.Slice(at, 2))} not {Convert.ToHexString(hard.Slice(at, 2))}");
            }
        }

        return text.ToString();
    }

    // Exceptions are masked; what MXCSR and the x87's status say else, and the stack, is at random.
    private static void Fill(Random random, Span<byte> slot)
    {
        random.NextBytes(slot);
        for (int at = 32; at < Size; at += 8)
        {
            // Words that are numbers of some size, or that saturate.
            int style = random.Next(4);
            if (style == 0)
            {
                BinaryPrimitives.WriteDoubleLittleEndian(slot[at..], Math.ScaleB(random.NextDouble() - 0.5, random.Next(80)));
            }
            else if (style == 1)
            {
                BinaryPrimitives.WriteSingleLittleEndian(slot[at..], MathF.ScaleB(random.NextSingle() - 0.5f, random.Next(40)));
                BinaryPrimitives.WriteSingleLittleEndian(slot[(at + 4)..], MathF.ScaleB(random.NextSingle() - 0.5f, random.Next(40)));
            }
            else if (style == 2)
            {
                BinaryPrimitives.WriteUInt64LittleEndian(slot[at..], (ulong)random.Next(130));
            }
        }

        slot[..32].Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(slot, 0x37F);
        BinaryPrimitives.WriteUInt16LittleEndian(slot[2..], (ushort)(random.Next(0x10000) & 0x7F7F));
        slot[4] = (byte)random.Next(256);
        BinaryPrimitives.WriteUInt32LittleEndian(slot[24..], 0x1F80u | ((uint)random.Next(4) << 13) | (uint)random.Next(0x80));
        for (int i = 0; i < 8; i++)
        {
            slot.Slice(32 + (i * 16) + 10, 6).Clear();
        }
    }

    private static byte[] Run(Backend backend, Instruction[] instructions, byte[] input) => DifferentialGuest.RunBetween(
        backend,
        64,
        input,
        0,
        c => c.mov(r15, DifferentialGuest.Input(64)),
        instructions.Select<Instruction, Action<Assembler>>(one => c => c.AddInstruction(one)),
        c =>
        {
            c.lea(rdi, __[r15 + MemoryAt]);
            c.mov(rax, __qword_ptr[r15 + RaxAt]);
            c.mov(rcx, __qword_ptr[r15 + RcxAt]);
            c.fxrstor64(__[r15]);
        },
        c =>
        {
            c.fxsave64(__[r15]);
            c.mov(__qword_ptr[r15 + RaxAt], rax);
            c.mov(__qword_ptr[r15 + RcxAt], rcx);
            c.add(r15, Size);
        },
        X87DifferentialTests.HostVendor).Input;
}
