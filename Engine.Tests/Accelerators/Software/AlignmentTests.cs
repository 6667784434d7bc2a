using System.Globalization;
using Hyperpatch.Engine.Accelerators.Software;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>#AC: which accesses raise it, and which do not (Intel SDM vol. 3, chapter 6, interrupt 17).</summary>
public sealed class AlignmentTests
{
    private const ulong Alignment = 1 << 18, Mask = 1 << 18;

    public static MatrixTheoryData<GuestVendor, int> Modes => new(Enum.GetValues<GuestVendor>(), [32, 64]);

    [Theory, MemberData(nameof(Modes))]
    public void An_access_that_is_not_aligned_faults(GuestVendor vendor, int bits) => Run(Backend.Software, vendor, bits, row => true);

    [Theory]
    [InlineData(32)]
    [InlineData(64)]
    public void So_it_does_on_hardware(int bits)
    {
        GuestVendor vendor = X87DifferentialTests.HostVendor;
        if (AlignmentGuest.Run(Backend.Kvm, bits, [AlignmentRows.All[2]], vendor)[0][1].Vector != 17)
        {
            Assert.Skip($"Where this host's KVM runs {bits}-bit code, alignment is not checked.");
        }

        // Whether Intel's check the unaligned forms is the model's choice.
        Run(Backend.Kvm, vendor, bits, row => !row.IsEmulated && (row.AmdAlignment is null || vendor == GuestVendor.Amd));
    }

    private static void Run(Backend backend, GuestVendor vendor, int bits, Func<AlignmentRow, bool> isOfInterest)
    {
        IReadOnlyList<AlignmentRow> rows = [.. AlignmentRows.All.Where(row => (row.Bits == 0 || row.Bits == bits) && isOfInterest(row))];
        (int Vector, ulong Error, bool IsAtInstruction)[][] results = AlignmentGuest.Run(backend, bits, rows, vendor);
        string differences = string.Join('\n', rows.SelectMany((row, i) => AlignmentGuest.Offsets.Select((offset, k) => Describe(row, offset, vendor, results[i][k]))).OfType<string>());
        Assert.True(differences.Length == 0, differences);
    }

    [Theory]
    [InlineData(32)]
    [InlineData(64)]
    public void Without_the_mask_nothing_is_checked(int bits)
    {
        IReadOnlyList<AlignmentRow> rows = [.. AlignmentRows.All.Where(row => (row.Bits == 0 || row.Bits == bits) && row.Vector == 17)];
        (int Vector, ulong Error, bool IsAtInstruction)[][] results = AlignmentGuest.Run(Backend.Software, bits, rows, GuestVendor.Amd, isOn: false);
        Assert.All(results, row => Assert.All(row, result => Assert.Equal(6, result.Vector)));
    }

    [Theory]
    [InlineData(0, true, true)]
    [InlineData(3, false, true)]
    [InlineData(3, true, false)]
    public void Level_mask_and_flag_are_all_needed(int cpl, bool hasMask, bool hasFlag)
    {
        using CpuRig rig = Rig(64, c => c.mov(eax, __dword_ptr[CpuRig.DataArea + 1]), cpl);
        rig.Cpu.Cr0 = hasMask ? rig.Cpu.Cr0 | Mask : rig.Cpu.Cr0 & ~Mask;
        rig.R.Rflags = hasFlag ? rig.R.Rflags | Alignment : rig.R.Rflags & ~Alignment;
        rig.Cpu.StateChanged(cpl);
        Assert.Equal(ExitReason.InvalidOpcode, rig.Run().Reason);
    }

    /// <summary>An aligned access first, so that a translation would be kept if any were.</summary>
    [Fact]
    public void It_ends_with_the_flag_and_begins_with_it()
    {
        using CpuRig rig = Rig(64, c =>
        {
            c.mov(ebx, __dword_ptr[CpuRig.DataArea + 4]);
            c.mov(__dword_ptr[CpuRig.DataArea + 4], ebx);
            c.and(__dword_ptr[rsp], ~(int)Alignment);
            c.popfq();
            c.mov(ebx, __dword_ptr[CpuRig.DataArea + 5]);
            c.mov(__dword_ptr[CpuRig.DataArea + 5], ebx);
            c.push((int)Alignment | 2);
            c.popfq();
            c.mov(__dword_ptr[CpuRig.DataArea + 5], ebx);
        });
        RigEnd end = rig.Run();
        Assert.Equal((17, 0UL, rig.Starts[8], Alignment), (end.Vector, end.Error, end.Rip, end.Flags & Alignment));
    }

    /// <summary>SDM vol. 3, table 6-2: behind a data page fault.</summary>
    [Theory]
    [InlineData(0x40_0001, 4, 0x40_0001)]
    [InlineData(0x3F_FFFE, 4, 0x40_0000)] // the second part is absent
    [InlineData(0x40_0003, 28, 0x40_0003)]
    public void A_page_fault_comes_first(ulong address, int size, ulong fault)
    {
        using CpuRig rig = Rig(64, c =>
        {
            if (size == 4)
            {
                c.mov(eax, __dword_ptr[address]);
            }
            else
            {
                c.fnstenv(__[address]);
            }
        });
        rig.Unmap(0x40_0000);
        RigEnd end = rig.Run();
        Assert.Equal((14, fault), (end.Vector, rig.Cpu.Cr2));
    }

    [Fact]
    public void A_limit_and_an_address_that_is_not_canonical_come_first()
    {
        using CpuRig narrow = Rig(32, c => c.mov(eax, __dword_ptr[0x1_0001]));
        narrow.SetSegment(Seg.Ds, CpuRig.UserData, 0, 0xFFFF, 0xF3, 4);
        narrow.Cpu.StateChanged(3);
        Assert.Equal(13, narrow.Run().Vector);
        using CpuRig wide = Rig(64, c => c.mov(eax, __dword_ptr[rax]));
        wide.R.Rax = 0x8000_0000_0001;
        Assert.Equal(13, wide.Run().Vector);
    }

    /// <summary>Nothing is changed; with the address mended the instruction is done again from its start, or from its element.</summary>
    [Theory]
    [InlineData("push")]
    [InlineData("pushad")]
    [InlineData("cmpxchg8b")]
    [InlineData("rep movsd")]
    [InlineData("fstp")]
    [InlineData("sidt")]
    public void It_is_a_fault(string what)
    {
        using CpuRig rig = Rig(32, c =>
        {
            switch (what)
            {
                case "push":
                    c.push(eax);
                    break;
                case "pushad":
                    c.pushad();
                    break;
                case "cmpxchg8b":
                    c.cmpxchg8b(__qword_ptr[esi]);
                    break;
                case "rep movsd":
                    c.rep.movsd();
                    break;
                case "fstp":
                    c.fstp(__tbyte_ptr[esi]);
                    break;
                default:
                    c.sidt(__[esi]);
                    break;
            }
        });
        (rig.R.Rsp, rig.R.Rsi, rig.R.Rdi, rig.R.Rcx) = (CpuRig.StackTop - 3, CpuRig.DataArea + 4 + (what == "cmpxchg8b" ? 0UL : 1), CpuRig.DataArea + 0x80, 5);
        byte[] memory = [.. Enumerable.Range(0, 0x40).Select(i => (byte)(i + 1))];
        rig.Write(CpuRig.DataArea, memory);
        rig.Write(CpuRig.StackTop - 0x40, memory);
        rig.Cpu.StateChanged(3);
        var before = rig.R;
        RigEnd end = rig.Run();
        Assert.Equal((17, 0UL, rig.Starts[0]), (end.Vector, end.Error, end.Rip));
        Assert.Equal((before.Rsi, before.Rdi, before.Rcx, before.Rax), (rig.R.Rsi, rig.R.Rdi, rig.R.Rcx, rig.R.Rax));
        for (ulong i = 0; i < (ulong)memory.Length; i++)
        {
            Assert.Equal((memory[i], memory[i]), ((byte)rig.Read(CpuRig.DataArea + i, 1), (byte)rig.Read(CpuRig.StackTop - 0x40 + i, 1)));
        }
    }

    /// <summary>What the processor does on its own account is a supervisor's access: frames, descriptors, the TSS.</summary>
    [Theory]
    [InlineData("frame")]
    [InlineData("tss")]
    [InlineData("descriptor")]
    [InlineData("idt")]
    public void Implicit_accesses_are_exempt(string what)
    {
        using CpuRig rig = Rig(32, c =>
        {
            if (what == "descriptor")
            {
                c.mov(fs, ax);
            }

            c.@int(0x80);
        });
        rig.R.Rax = CpuRig.UserData;
        switch (what)
        {
            case "frame":
                rig.Write(CpuRig.Tss + 4, (CpuRig.InnerStack - 3) | ((ulong)CpuRig.Data << 32));
                break;
            case "tss":
                rig.Cpu.Tr.Base = 0x50001;
                rig.Write(0x50005, CpuRig.InnerStack | ((ulong)CpuRig.Data << 32));
                break;
            case "descriptor":
                Move(rig, CpuRig.Gdt, 0x100);
                rig.Cpu.Gdt = new(0x50001, 0xFF);
                break;
            default:
                Move(rig, CpuRig.Idt, 0x800);
                rig.Cpu.Idt = new(0x50001, 0x7FF);
                break;
        }

        rig.Cpu.StateChanged(3);
        Assert.Equal(0x80, rig.Run().Vector);
    }

    private static CpuRig Rig(int bits, Action<Assembler> emit, int cpl = 3)
    {
        CpuRig rig = new(bits, cpl: cpl);
        rig.Load(emit);
        rig.Cpu.Cr0 |= Mask;
        rig.R.Rflags |= Alignment;
        rig.R.Rsp = CpuRig.StackTop - 8;
        rig.Write(CpuRig.StackTop - 8, Alignment | 2);
        rig.Cpu.StateChanged(cpl);
        return rig;
    }

    private static void Move(CpuRig rig, ulong from, ulong size)
    {
        for (ulong i = 0; i < size; i += 8)
        {
            rig.Write(0x50001 + i, rig.Read(from + i));
        }
    }

    private static string? Describe(AlignmentRow row, int offset, GuestVendor vendor, (int Vector, ulong Error, bool IsAtInstruction) result)
    {
        int expected = row.VectorAt(offset, vendor);
        return result.Vector == expected && (expected == 6 || (result.Error == 0 && result.IsAtInstruction))
            ? null
            : string.Create(CultureInfo.InvariantCulture, $"{row.Name} at {offset}: {result} instead of {expected}");
    }
}
