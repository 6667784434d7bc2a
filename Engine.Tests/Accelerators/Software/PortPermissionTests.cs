using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Accelerators.Software;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>IOPL and the I/O permission bit map of the TSS (Intel SDM vol. 1, 19.5).</summary>
public sealed class PortPermissionTests
{
    private const ulong Map = CpuRig.Tss + 0x80;

    /// <summary>Width of the code, of the access, port, first allowed port, how many, and whether it passes.</summary>
    public static TheoryData<int, int, int, int, int, bool> Rows
    {
        get
        {
            TheoryData<int, int, int, int, int, bool> rows = [];
            foreach (int bits in (int[])[32, 64])
            {
                rows.Add(bits, 1, 0x3F8, 0x3F8, 1, true);
                rows.Add(bits, 1, 0x3F9, 0x3F8, 1, false);
                rows.Add(bits, 1, 0x3F7, 0x3F8, 1, false);
                rows.Add(bits, 2, 0x3F8, 0x3F8, 1, false); // every byte's bit counts
                rows.Add(bits, 2, 0x3F8, 0x3F8, 2, true);
                rows.Add(bits, 4, 0x3F8, 0x3F8, 3, false);
                rows.Add(bits, 4, 0x3F8, 0x3F8, 4, true);
                rows.Add(bits, 4, 0x3FE, 0x3FE, 4, true); // bits in two bytes of the map
                rows.Add(bits, 4, 0x3FE, 0x3FE, 3, false);
                rows.Add(bits, 2, 0x3FF, 0x3FF, 2, true);
                rows.Add(bits, 2, 0x3FF, 0x400, 1, false);
                rows.Add(bits, 1, 0, 0, 1, true);
            }

            return rows;
        }
    }

    [Theory, MemberData(nameof(Rows))]
    public void The_map_allows_bit_by_bit(int bits, int size, int port, int first, int count, bool passes)
    {
        foreach (bool isOut in (bool[])[true, false])
        {
            using CpuRig rig = new(bits, cpl: 3);
            for (int allowed = first; allowed < first + count; allowed++)
            {
                ulong at = Map + (ulong)(allowed / 8);
                rig.Write(at, [(byte)(rig.Read(at, 1) & ~(1UL << (allowed & 7)))]);
            }

            rig.Load(c => Emit(c, isOut, size));
            rig.R.Rdx = (ulong)port;
            Check(rig, port, passes);
        }
    }

    [Theory]
    [InlineData("no bit map: its offset is beyond the limit")]
    [InlineData("the byte behind the port's is beyond the limit")]
    [InlineData("the last byte that is read is the last of the segment")]
    [InlineData("a TSS of 16 bits has no map")]
    [InlineData("the TSS is too short to say where the map is")]
    [InlineData("IOPL 3")]
    [InlineData("IOPL 2")]
    public void The_segments_limit_and_IOPL(string what)
    {
        using CpuRig rig = new(32, cpl: 3);
        rig.Load(c => Emit(c, isOut: true, 1));
        rig.R.Rdx = 0x10;
        rig.Write(Map, new byte[16]);
        bool passes = false;
        switch (what)
        {
            case "no bit map: its offset is beyond the limit":
                rig.Write(CpuRig.Tss + 0x66, [0x00, 0x30]);
                break;
            case "the byte behind the port's is beyond the limit":
                rig.Cpu.Tr.Limit = 0x82;
                break;
            case "the last byte that is read is the last of the segment":
                rig.Cpu.Tr.Limit = 0x83;
                passes = true;
                break;
            case "a TSS of 16 bits has no map":
                rig.Cpu.Tr.Access = 0x83;
                break;
            case "the TSS is too short to say where the map is":
                rig.Cpu.Tr.Limit = 102;
                break;
            default:
                rig.Write(Map, [.. Enumerable.Repeat((byte)0xFF, 16)]);
                passes = what == "IOPL 3";
                rig.R.Rflags |= passes ? 0x3000UL : 0x2000;
                rig.Cpu.StateChanged(3);
                break;
        }

        // The stack of CPL 0 is in the TSS of 32 bits: the handler needs it.
        SegmentRegister task = rig.Cpu.Tr;
        if (task.Access == 0x83)
        {
            rig.Write(CpuRig.Tss + 2, [0x00, 0x70, CpuRig.Data, 0]);
        }

        Check(rig, 0x10, passes);
    }

    private static void Check(CpuRig rig, int port, bool passes)
    {
        RigEnd end = rig.Run();
        if (passes)
        {
            Assert.Equal((ExitReason.InvalidOpcode, rig.End), (end.Reason, rig.R.Rip));
            Assert.Equal([port], rig.Ports);
        }
        else
        {
            Assert.Equal((13, 0UL, rig.Starts[0]), (end.Vector, end.Error, end.Rip));
            Assert.Empty(rig.Ports);
        }
    }

    private static void Emit(Assembler c, bool isOut, int size)
    {
        switch (size)
        {
            case 1 when isOut:
                c.@out(dx, al);
                break;
            case 2 when isOut:
                c.@out(dx, ax);
                break;
            case 4 when isOut:
                c.@out(dx, eax);
                break;
            case 1:
                c.@in(al, dx);
                break;
            case 2:
                c.@in(ax, dx);
                break;
            default:
                c.@in(eax, dx);
                break;
        }
    }
}
