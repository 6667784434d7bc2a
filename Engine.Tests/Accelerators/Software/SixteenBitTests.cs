using System.Globalization;
using System.Text;
using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Accelerators.Software;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>Random instructions in real mode and in 16-bit protected mode do what they do in 32-bit code, which is compared with hardware: prefixes and widths are what differs.</summary>
public sealed class SixteenBitTests
{
    private const int Words = 20;

    /// <summary>What is made, in the forms that real mode knows.</summary>
    internal static IEnumerable<Mnemonic> Mnemonics => RandomInstructions.Mnemonics.Where(mnemonic => mnemonic is not
        (Mnemonic.Andn or Mnemonic.Blsi or Mnemonic.Blsr or Mnemonic.Blsmsk or Mnemonic.Bextr or Mnemonic.Bzhi or Mnemonic.Mulx
        or Mnemonic.Pdep or Mnemonic.Pext or Mnemonic.Rorx or Mnemonic.Sarx or Mnemonic.Shlx or Mnemonic.Shrx));

    [Theory]
    [InlineData(false, 1, 6000)]
    [InlineData(true, 2, 6000)]
    public void Instructions_are_the_same_in_16_bit_code(bool isProtected, int seed, int count)
    {
        Random random = new(seed);
        RandomInstructions source = new(random, 32, isWhole: true);
        using CpuRig real = new(16), flat = new(32);
        if (isProtected)
        {
            // As behind the MOV to CR0 that sets PE: segments as they were, 16 bits wide.
            real.Cpu.Cr0 |= 1;
        }

        // The same offsets in both.
        foreach (int index in (int[])[Seg.Ds, Seg.Es])
        {
            flat.SetSegment(index, CpuRig.Data, CpuRig.DataArea, uint.MaxValue, 0x93, 0xC);
        }

        flat.Cpu.StateChanged(0);
        StringBuilder differences = new();
        int found = 0;
        for (int i = 0; i < count; i++)
        {
            Instruction instruction = source.Next();
            OpCodeInfo info = instruction.Code.ToOpCode();
            GuestRegisters registers = Registers(random, instruction.Mnemonic is Mnemonic.Bt or Mnemonic.Bts or Mnemonic.Btr or Mnemonic.Btc);
            if (!info.Mode16 || info.Encoding != EncodingKind.Legacy || RandomInstructions.IsResultUndefined(instruction, (byte)registers.Rcx))
            {
                continue;
            }

            ulong[] memory = [.. Enumerable.Range(0, Words).Select(_ => (ulong)random.NextInt64())];
            (GuestRegisters a, ulong[] softMemory) = Run(real, instruction, registers, memory);
            (GuestRegisters b, ulong[] flatMemory) = Run(flat, instruction, registers, memory);
            ulong defined = RandomInstructions.Defined(instruction, (byte)registers.Rcx);
            a.Rflags &= defined;
            b.Rflags &= defined;
            a.Rip = b.Rip = a.Rsp = b.Rsp = 0;
            if ((!a.Equals(b) || !softMemory.AsSpan().SequenceEqual(flatMemory)) && ++found < 20)
            {
                differences.AppendLine(CultureInfo.InvariantCulture, $"seed {seed}, number {i}: {instruction}: rax {a.Rax:X} not {b.Rax:X}, flags {a.Rflags:X} not {b.Rflags:X}");
            }
        }

        Assert.True(found == 0, $"{found} differences\n{differences}");
    }

    private static (GuestRegisters Registers, ulong[] Memory) Run(CpuRig rig, Instruction instruction, GuestRegisters registers, ulong[] memory)
    {
        rig.Load(c => c.AddInstruction(instruction));
        registers.Rip = rig.R.Rip;
        registers.Rsp = rig.R.Rsp;
        rig.R = registers;
        rig.Cpu.StateChanged(0);
        for (int i = 0; i < Words; i++)
        {
            rig.Write(CpuRig.DataArea + (ulong)(i * 8), memory[i]);
        }

        RigEnd end = rig.Run();
        Assert.True(end.Reason == ExitReason.InvalidOpcode && rig.R.Rip == rig.End, $"{instruction}: {end}");
        return (rig.R, [.. Enumerable.Range(0, Words).Select(i => rig.Read(CpuRig.DataArea + (ulong)(i * 8)))]);
    }

    // ESI is the area's start; a bit index stays inside it.
    private static GuestRegisters Registers(Random random, bool areSmall)
    {
        uint mask = areSmall ? 31 : uint.MaxValue >> (random.Next(3) == 0 ? random.Next(32) : 0);
        ulong Next() => (uint)random.NextInt64() & mask;
        return new GuestRegisters
        {
            Rax = Next(),
            Rbx = Next(),
            Rcx = Next(),
            Rdx = Next(),
            Rbp = Next(),
            Rflags = ((ulong)random.NextInt64() & RandomInstructions.All) | 2,
        };
    }
}
