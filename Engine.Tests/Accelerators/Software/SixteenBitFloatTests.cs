using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Hyperpatch.Engine.Accelerators.Software;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>
/// Random x87, MMX, SSE and SSE2 instructions in real mode and in 16-bit protected mode do what they do in 32-bit code, which is compared with
/// 64-bit code, and that with hardware.
/// </summary>
public sealed class SixteenBitFloatTests
{
    private const int Words = 16, AreaSize = 512, MemoryAt = 0x40;

    [Theory]
    [InlineData(false, "x87", 1, 4000)]
    [InlineData(true, "x87", 2, 4000)]
    [InlineData(false, "sse", 3, 4000)]
    [InlineData(true, "sse", 4, 4000)]
    [InlineData(false, "mmx", 5, 2000)]
    [InlineData(true, "mmx", 6, 2000)]
    public void Instructions_are_the_same_in_16_bit_code(bool isProtected, string kind, int seed, int count)
    {
        using CpuRig narrow = new(16), flat = new(32);
        narrow.Cpu.Cr4 |= 0x600;
        narrow.Cpu.Cr0 |= isProtected ? 1UL : 0;
        foreach (int index in (int[])[Seg.Ds, Seg.Es])
        {
            // The same offsets in both.
            flat.SetSegment(index, CpuRig.Data, CpuRig.DataArea, uint.MaxValue, 0x93, 0xC);
        }

        (int firstSeed, int rounds) = DifferentialBudget.Of(seed, 1);
        StringBuilder differences = new();
        int found = 0;
        for (int round = 0; round < rounds; round++)
        {
            Random random = new(firstSeed + round);
            RandomSseInstructions source = new(random, 32, kind == "mmx");
            for (int i = 0; i < count; i++)
            {
                byte[] bytes = X87DifferentialTests.Next(random);
                Instruction instruction = kind == "x87" ? default : source.Next();
                byte[] area = Area(random, kind == "mmx");
                ulong[] memory = [.. Enumerable.Range(0, Words).Select(_ => (ulong)random.NextInt64() ^ ((ulong)random.NextInt64() << 1))];
                ulong rax = (uint)random.NextInt64(), rcx = (uint)random.NextInt64();
                if (kind == "x87")
                {
                    // As 32-bit code has the address.
                    Load(narrow, c => c.db(bytes[1] < 0xC0 ? [0x67, .. bytes] : bytes));
                    Load(flat, c => c.db(bytes));
                }
                else
                {
                    Load(narrow, c => c.AddInstruction(instruction));
                    Load(flat, c => c.AddInstruction(instruction));
                }

                string a = Run(narrow, area, memory, rax, rcx), b = Run(flat, area, memory, rax, rcx);
                if (a != b && ++found < 20)
                {
                    string what = kind == "x87" ? Convert.ToHexString(bytes) : instruction.ToString();
                    differences.AppendLine(CultureInfo.InvariantCulture, $"seed {firstSeed + round}, number {i}: {what}:\n{a}\n{b}");
                }
            }
        }

        DifferentialBudget.Report((long)rounds * count, firstSeed);
        Assert.True(found == 0, $"{found} differences\n{differences}");
    }

    private static void Load(CpuRig rig, Action<Assembler> emit) => rig.Load(emit);

    // All that there is afterwards: how it ended, general registers, flags, the area without pointers to the last instruction, memory.
    private static string Run(CpuRig rig, byte[] area, ulong[] memory, ulong rax, ulong rcx)
    {
        ulong start = rig.R.Rip;
        rig.R = new() { Rip = start, Rsp = rig.R.Rsp, Rax = rax, Rcx = rcx, Rsi = MemoryAt, Rdi = MemoryAt, Rflags = 2 };
        rig.Cpu.RestoreFloat(area);
        rig.Cpu.StateChanged(0);
        for (int i = 0; i < Words; i++)
        {
            rig.Write(CpuRig.DataArea + MemoryAt + (ulong)(i * 8), memory[i]);
        }

        RigEnd end = rig.Run();
        Assert.True(end.Reason == ExitReason.InvalidOpcode && rig.R.Rip == rig.End, $"{end}");
        byte[] after = new byte[AreaSize];
        rig.Cpu.SaveFloat(after);
        after.AsSpan(6, 18).Clear();
        string words = string.Join(' ', Enumerable.Range(0, Words).Select(i => rig.Read(CpuRig.DataArea + MemoryAt + (ulong)(i * 8)).ToString("X", CultureInfo.InvariantCulture)));
        return string.Create(CultureInfo.InvariantCulture, $"{rig.R.Rax:X} {rig.R.Rcx:X} {rig.R.Rflags:X} {Convert.ToHexString(after.AsSpan(0, 288))} {words}");
    }

    // Exceptions are masked: what is unmasked is other tests' business, and leaves no state of its own to 16-bit code.
    private static byte[] Area(Random random, bool isMm)
    {
        byte[] area = new byte[AreaSize];
        BinaryPrimitives.WriteUInt16LittleEndian(area, (ushort)(0x3F | (random.Next(16) << 8)));
        BinaryPrimitives.WriteUInt16LittleEndian(area.AsSpan(2), (ushort)(random.Next(8) << 11));
        area[4] = (byte)random.Next(256);
        BinaryPrimitives.WriteUInt32LittleEndian(area.AsSpan(24), 0x1F80u | ((uint)random.Next(4) << 13));
        BinaryPrimitives.WriteUInt32LittleEndian(area.AsSpan(28), 0xFFFF);
        for (int i = 0; i < 8; i++)
        {
            if (isMm)
            {
                random.NextBytes(area.AsSpan(32 + (i * 16), 8));
            }
            else
            {
                X87DifferentialTests.Operand(random, area.AsSpan(32 + (i * 16), 10));
            }
        }

        random.NextBytes(area.AsSpan(160, 128));
        return area;
    }
}
