using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Accelerators.Software;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>Task switches in detail: what is checked, in whose context a fault is, what is cleared and trapped (Intel SDM vol. 3, chapter 8).</summary>
public sealed class TaskSwitchTests
{
    private const int Other = CpuRig.Free, Gate = CpuRig.Free + 8, Local = CpuRig.Free + 16, Absent = CpuRig.Free + 24, AbsentCode = CpuRig.Free + 32, FaultTask = CpuRig.Free + 40;
    private const ulong OtherTss = 0x50000, FaultTss = 0x51000, OtherCode = 0x18000, FaultCode = 0x19000, NestedTask = 0x4000, Stack = 0x3A000;

    /// <summary>SDM vol. 3, table 8-1, as far as it is the old task's business: nothing is changed.</summary>
    [Theory]
    [InlineData("descriptor of more privilege", 3, 13, Other)]
    [InlineData("requested privilege", 0, 13, Other)]
    [InlineData("busy", 0, 13, Other)]
    [InlineData("absent", 0, 11, Other)]
    [InlineData("limit", 0, 10, Other)]
    [InlineData("limit of 16 bits", 0, 10, Other)]
    [InlineData("gate of more privilege", 3, 13, Gate)]
    [InlineData("gate absent", 0, 11, Gate)]
    [InlineData("gate to data", 0, 13, CpuRig.Data)]
    [InlineData("gate to null", 0, 13, 0)]
    [InlineData("gate to a local task", 0, 13, Other | 4)]
    [InlineData("gate beyond the table", 0, 13, 0xFFF8)]
    [InlineData("gate to a busy task", 0, 13, Other)]
    [InlineData("own state too short", 0, 10, CpuRig.Task)]
    public void What_is_refused_before_the_switch(string what, int cpl, int vector, ulong error)
    {
        using CpuRig rig = Rig(cpl);
        bool isGate = what.StartsWith("gate", StringComparison.Ordinal);
        int target = isGate ? Gate : Other;
        switch (what)
        {
            case "requested privilege":
                target |= 3;
                break;
            case "busy" or "gate to a busy task":
                SetTask(rig, 0x8B);
                break;
            case "absent":
                SetTask(rig, 0x09);
                break;
            case "limit":
                SetTask(rig, 0x89, limit: 102);
                break;
            case "limit of 16 bits":
                SetTask(rig, 0x81, limit: 42);
                break;
            case "gate absent":
                rig.SetDescriptor(Gate, ((ulong)Other << 16) | (0x05UL << 40));
                break;
            case "own state too short":
                rig.Cpu.Tr.Limit = 102;
                break;
        }

        int? to = what switch { "gate to data" => CpuRig.Data, "gate to null" => 0, "gate to a local task" => Other | 4, "gate beyond the table" => 0xFFF8, _ => null };
        if (to is int selector)
        {
            rig.SetDescriptor(Gate, TaskGate(selector));
        }

        rig.Load(c => c.jmp((ushort)target, 0));
        byte busy = (byte)rig.Read(CpuRig.Gdt + CpuRig.Task + 5, 1);
        RigEnd end = rig.Run();
        Assert.Equal((vector, error, rig.Starts[0]), (end.Vector, end.Error, end.Rip));
        Assert.Equal((CpuRig.Task, busy, 0UL), (rig.Cpu.Tr.Selector, (byte)rig.Read(CpuRig.Gdt + CpuRig.Task + 5, 1), rig.Cpu.Cr0 & 8));
    }

    /// <summary>Table 8-1 again: these are the new task's, whose TR, CR3 and registers are loaded; the handler is a task of its own.</summary>
    [Theory]
    [InlineData("LDT in the LDT", 10, 0x14)]
    [InlineData("LDT is data", 10, CpuRig.Data)]
    [InlineData("LDT absent", 10, Absent)]
    [InlineData("CS null", 10, 0)]
    [InlineData("CS is data", 10, CpuRig.Data)]
    [InlineData("CS of another level", 10, 0x18)]
    [InlineData("CS absent", 11, AbsentCode)]
    [InlineData("CS beyond the table", 10, 0xFFF8)]
    [InlineData("SS null", 10, 0)]
    [InlineData("SS of another level", 10, 0x20)]
    [InlineData("SS is code", 10, CpuRig.Code32)]
    [InlineData("SS absent", 12, Absent)]
    [InlineData("DS is a system segment", 10, CpuRig.Task)]
    [InlineData("DS absent", 11, Absent)]
    [InlineData("EIP beyond the limit", 13, 0)]
    public void What_is_refused_behind_the_switch(string what, int vector, ulong error)
    {
        using CpuRig rig = Rig(0);
        SetFaultTask(rig, vector);
        // Absent: an LDT for LLDT's row, else data.
        rig.SetDescriptor(Absent, what[..3] == "LDT" ? 0x0000_0200_0000_00FFUL : 0x00CF_1300_0000_FFFF);
        rig.SetDescriptor(AbsentCode, 0x00CF_1B00_0000_FFFF);
        if (what.EndsWith("null", StringComparison.Ordinal))
        {
            // What is in the table's first place is nobody's, however good it looks.
            rig.SetDescriptor(0, what == "CS null" ? 0x00CF_9B00_0000_FFFFUL : 0x00CF_9300_0000_FFFF);
        }

        int field = what[..2] switch { "LD" => 96, "CS" => 76, "SS" => 80, "DS" => 84, _ => 32 };
        ulong value = what switch
        {
            "LDT in the LDT" => 0x14,
            "CS of another level" => 0x18, // its DPL is 3
            "SS of another level" => 0x23,
            "EIP beyond the limit" => 0x2_0000,
            _ => error,
        };
        if (what == "EIP beyond the limit")
        {
            rig.SetDescriptor(AbsentCode, 0x0040_9B00_0000_FFFFUL);
            rig.Write(OtherTss + 76, BitConverter.GetBytes(AbsentCode));
        }

        rig.Write(OtherTss + (ulong)field, BitConverter.GetBytes((uint)value));
        rig.Load(c => c.jmp((ushort)Other, 0));
        RigEnd end = rig.Run();
        // The handling task's first instruction is UD2; the error code is on its stack, with EXT clear.
        Assert.Equal((ExitReason.InvalidOpcode, FaultCode, FaultTask), (end.Reason, rig.R.Rip, rig.Cpu.Tr.Selector));
        Assert.Equal(error, rig.Read(rig.R.Rsp, 4));
        Assert.Equal((ulong)Other, rig.Read(FaultTss, 2));
        Assert.Equal(field == 32 ? value : OtherCode, rig.Read(OtherTss + 32, 4));
    }

    [Theory]
    [InlineData("beyond the table", 10, 0xFFF8)]
    [InlineData("local", 10, 0x64)]
    [InlineData("not busy", 10, Other)]
    [InlineData("data", 10, CpuRig.Data)]
    [InlineData("absent", 11, Other)]
    public void What_iret_refuses(string what, int vector, ulong error)
    {
        using CpuRig rig = Rig(0);
        int link = what switch { "beyond the table" => 0xFFF8, "local" => 0x64, "data" => CpuRig.Data, _ => Other };
        SetTask(rig, what switch { "not busy" => (byte)0x89, "absent" => (byte)0x0B, _ => (byte)0x8B });
        rig.Write(CpuRig.Tss, BitConverter.GetBytes((ushort)link));
        rig.Load(c => c.iretd());
        rig.R.Rflags |= NestedTask;
        RigEnd end = rig.Run();
        Assert.Equal((vector, error, rig.Starts[0]), (end.Vector, end.Error, end.Rip));
    }

    [Theory]
    [InlineData(32)]
    [InlineData(64)]
    public void Long_mode_has_no_task_switches(int bits)
    {
        foreach (bool isGate in (bool[])[false, true])
        {
            using CpuRig rig = new(bits, isLong: true);
            SetTask(rig, 0x89);
            rig.SetDescriptor(Gate, TaskGate(Other));
            int target = isGate ? Gate : Other;
            rig.Write(CpuRig.DataArea, (ulong)target << 32);
            rig.Load(c => c.call(__fword_ptr[CpuRig.DataArea]));
            RigEnd end = rig.Run();
            Assert.Equal((13, (ulong)target), (end.Vector, end.Error));
        }

        using CpuRig interrupt = new(bits, isLong: true);
        ulong at = CpuRig.Idt + (0x80 * 16);
        interrupt.Write(at, ((ulong)Other << 16) | (0xE5UL << 40));
        interrupt.Load(c => c.@int(0x80));
        RigEnd refused = interrupt.Run();
        Assert.Equal((13, 0x402UL), (refused.Vector, refused.Error));
    }

    [Fact]
    public void The_trap_bit_raises_DB_before_the_first_instruction()
    {
        using CpuRig rig = Rig(0);
        rig.Write(OtherTss + 100, [1]);
        rig.Load(c => c.call((ushort)Other, 0));
        RigEnd end = rig.Run();
        Assert.Equal((1, OtherCode, 0x8000UL), (end.Vector, end.Rip, rig.Cpu.Dr[6] & 0xE00F));
    }

    [Fact]
    public void Local_breakpoints_end_with_their_task()
    {
        using CpuRig rig = Rig(0);
        rig.Load(c => c.jmp((ushort)Other, 0));
        rig.Cpu.Dr[7] = 0x400 | 0x3FF;
        rig.Cpu.Dr[0] = rig.Cpu.Dr[1] = rig.Cpu.Dr[2] = rig.Cpu.Dr[3] = 0x7777_0000;
        rig.Cpu.StateChanged(0);
        _ = rig.Run();
        Assert.Equal((OtherCode, 0x400UL | 0x2AA), (rig.R.Rip, rig.Cpu.Dr[7]));
    }

    [Fact]
    public void The_new_tasks_LDT_page_tables_and_level_hold()
    {
        using CpuRig rig = Rig(0);
        // Two sets of 4 MiB pages; the second maps 0x400000 to the second page of 4 MiB, the first has nothing there.
        const ulong First = 0x60000, Second = 0x61000;
        rig.Write(First, 0x87UL);
        rig.Write(Second, 0x87UL | (0x40_0087UL << 32));
        rig.Write(0x40_0000, 0x1234UL);
        rig.SetDescriptor(Local, 0x0000_8200_0000_000F | ((CpuRig.DataArea & 0xFF_FFFF) << 16));
        rig.Write(CpuRig.DataArea + 8, 0x00CF_F300_0000_FFFF);
        foreach ((int field, uint value) in ((int, uint)[])[(28, (uint)Second), (72, CpuRig.UserData), (76, CpuRig.UserCode32), (80, CpuRig.UserData), (84, 0xF), (96, Local)])
        {
            rig.Write(OtherTss + (ulong)field, BitConverter.GetBytes(value));
        }

        rig.Load(c => c.mov(eax, __dword_ptr[0x40_0000]), rip: OtherCode);
        ulong inside = rig.End;
        rig.Load(c => c.call((ushort)Other, 0));
        rig.Cpu.Cr3 = First;
        rig.Cpu.Cr4 |= 0x10;
        rig.Cpu.Cr0 |= 0x8000_0000;
        rig.Cpu.StateChanged(0);
        RigEnd end = rig.Run();
        Assert.Equal((ExitReason.InvalidOpcode, inside, 3, 0x1234UL), (end.Reason, rig.R.Rip, rig.Cpu.Cpl, rig.R.Rax));
        Assert.Equal((Second, Local, 0xF), (rig.Cpu.Cr3, rig.Cpu.Ldt.Selector, rig.Cpu.Segments[Seg.Ds].Selector));
    }

    [Theory]
    [InlineData(CpuRig.Tss)]
    [InlineData(OtherTss)]
    public void A_state_that_is_not_there_is_a_page_fault_of_the_old_task(ulong missing)
    {
        using CpuRig rig = Rig(0);
        const ulong Directory = 0x60000, Table = 0x61000;
        rig.Write(Directory, Table | 7);
        for (ulong page = 0; page < 0x400; page++)
        {
            ulong entry = (page << 12) | (page << 12 == missing ? 0UL : 7);
            rig.Write(Table + (page * 4), BitConverter.GetBytes((uint)entry));
        }

        rig.Load(c => c.call((ushort)Other, 0));
        rig.Cpu.Cr3 = Directory;
        rig.Cpu.Cr0 |= 0x8000_0000;
        rig.Cpu.StateChanged(0);
        RigEnd end = rig.Run();
        Assert.Equal((14, rig.Starts[0], CpuRig.Task), (end.Vector, end.Rip, rig.Cpu.Tr.Selector));
        Assert.Equal((missing, 0x89UL), (rig.Cpu.Cr2 & ~0xFFFUL, rig.Read(CpuRig.Gdt + Other + 5, 1)));
    }

    [Fact]
    public void INT_through_a_gate_of_more_privilege_is_refused()
    {
        using CpuRig rig = Rig(3);
        rig.Write(CpuRig.Idt + (0x80 * 8), TaskGate(Other));
        rig.Load(c => c.@int(0x80));
        RigEnd end = rig.Run();
        Assert.Equal((13, 0x402UL), (end.Vector, end.Error));
    }

    /// <summary>A double fault's gate is what systems use tasks for: a stack that is not there, and yet a handler.</summary>
    [Fact]
    public void A_double_fault_finds_its_task()
    {
        using CpuRig rig = Rig(0);
        SetFaultTask(rig, 8);
        rig.Load(c => c.push(eax));
        rig.SetSegment(Seg.Ss, CpuRig.Data, 0, 0xFFFF, 0x93, 4);
        rig.R.Rsp = 0x2_0000;
        rig.Cpu.StateChanged(0);
        RigEnd end = rig.Run();
        Assert.Equal((ExitReason.InvalidOpcode, FaultCode, 0UL), (end.Reason, rig.R.Rip, rig.Read(rig.R.Rsp, 4)));
        Assert.Equal((rig.Starts[0], 0x2_0000UL), (rig.Read(CpuRig.Tss + 32, 4), rig.Read(CpuRig.Tss + 56, 4)));
    }

    private static ulong TaskGate(int selector) => ((ulong)selector << 16) | (0x85UL << 40);

    private static CpuRig Rig(int cpl)
    {
        CpuRig rig = new(32, cpl: cpl);
        SetTask(rig, 0x89);
        rig.SetDescriptor(Gate, TaskGate(Other));
        WriteState(rig, OtherTss, OtherCode);
        rig.Write(OtherCode, [0x0F, 0x0B]);
        return rig;
    }

    // The handler of a vector is a task whose first instruction is UD2.
    private static void SetFaultTask(CpuRig rig, int vector)
    {
        rig.SetDescriptor(FaultTask, 0x67 | ((FaultTss & 0xFF_FFFF) << 16) | (0x89UL << 40));
        WriteState(rig, FaultTss, FaultCode);
        rig.Write(FaultCode, [0x0F, 0x0B]);
        rig.Write(CpuRig.Idt + (ulong)(vector * 8), TaskGate(FaultTask));
    }

    private static void SetTask(CpuRig rig, byte access, ulong limit = 0x67) =>
        rig.SetDescriptor(Other, limit | ((OtherTss & 0xFF_FFFF) << 16) | ((ulong)access << 40));

    private static void WriteState(CpuRig rig, ulong at, ulong code)
    {
        uint[] fields = [(uint)code, 2, 0, 0, 0, 0, (uint)Stack, 0, 0, 0, CpuRig.Data, CpuRig.Code32, CpuRig.Data, CpuRig.Data, 0, 0, 0];
        for (int i = 0; i < fields.Length; i++)
        {
            rig.Write(at + 32 + (ulong)(i * 4), BitConverter.GetBytes(fields[i]));
        }
    }
}
