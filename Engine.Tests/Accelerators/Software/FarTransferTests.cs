using Hyperpatch.Engine.Accelerators.Software;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>Far transfers through call gates, their returns, and what 64-bit mode checks of gates and stacks (Intel SDM vol. 3, 5.8 and 6.14).</summary>
public sealed class FarTransferTests
{
    private const int Gate = CpuRig.Free;
    private const ulong Target = 0x18000;
    private const ulong NotCanonical = 0x8000_0000_0000;

    public static MatrixTheoryData<int, int, int> Gates32 => new([2, 4], [0, 3], [0, 1, 5, 31]);

    /// <summary>Gates of 16 and of 32 bits in 32-bit code: the frame has the gate's width, the parameters are copied on the way inwards.</summary>
    [Theory, MemberData(nameof(Gates32))]
    public void A_call_gate_enters_and_copies_its_parameters(int width, int cpl, int parameters)
    {
        using CpuRig rig = new(32, cpl: cpl);
        // All below 64 KiB: frames of 16 bits hold no more.
        const ulong Target = 0xD000, Stack = 0xF000;
        rig.SetDescriptor(Gate, CallGate(width == 2 ? 4 : 12, CpuRig.Code32, Target, 3, parameters));
        // The target: back again, dropping the parameters.
        rig.Load(c => c.AddInstruction(Instruction.Create(width == 2 ? Code.Retfw_imm16 : Code.Retfd_imm16, parameters * width)), rip: Target);
        rig.Load(c => c.call(Gate | 3, 0x1234), rip: 0xC000);
        for (int i = 0; i < parameters; i++)
        {
            rig.Write(Stack + (ulong)(i * width), width == 2 ? [(byte)(i + 1), 0x70] : [(byte)(i + 1), 0, 0, 0x70]);
        }

        rig.R.Rsp = Stack;
        RigEnd end = rig.Run();
        Assert.Equal((ExitReason.InvalidOpcode, rig.End, cpl), (end.Reason, rig.R.Rip, rig.Cpu.Cpl));
        // From the same level the parameters are still the caller's own; RETF drops them in both cases.
        Assert.Equal(Stack + (ulong)(parameters * width), rig.R.Rsp);
        ulong step = (ulong)width;
        if (cpl == 0)
        {
            Assert.Equal((rig.End, (ulong)CpuRig.Code32), (rig.Read(Stack - (2 * step), width), rig.Read(Stack - step, 2)));
            return;
        }

        ulong[] frame = [.. Enumerable.Range(0, 4 + parameters).Select(i => rig.Read(CpuRig.InnerStack - ((ulong)(4 + parameters - i) * step), width))];
        ulong mask = width == 2 ? 0xFFFF : uint.MaxValue;
        Assert.Equal(
            [rig.End & mask, CpuRig.UserCode32, .. Enumerable.Range(1, parameters).Select(i => (ulong)i + (width == 2 ? 0x7000UL : 0x7000_0000)), Stack & mask, CpuRig.UserData],
            frame);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void A_64_bit_call_gate_enters_with_a_null_stack_segment(int cpl)
    {
        using CpuRig rig = new(64, cpl: cpl);
        SetGate64(rig, CpuRig.Code64, Target);
        rig.Load(c => c.AddInstruction(Instruction.Create(Code.Retfq)), rip: Target);
        EmitCall(rig);
        rig.R.Rsp = CpuRig.StackTop;
        RigEnd end = rig.Run();
        Assert.Equal((ExitReason.InvalidOpcode, rig.End, cpl, CpuRig.StackTop), (end.Reason, rig.R.Rip, rig.Cpu.Cpl, rig.R.Rsp));
        ulong top = cpl == 0 ? CpuRig.StackTop : CpuRig.InnerStack - 16;
        Assert.Equal((rig.End, (ulong)(cpl == 0 ? CpuRig.Code64 : CpuRig.UserCode64)), (rig.Read(top - 16), rig.Read(top - 8)));
        if (cpl == 3)
        {
            Assert.Equal((CpuRig.StackTop, (ulong)CpuRig.UserData), (rig.Read(top), rig.Read(top + 8)));
        }
    }

    [Fact]
    public void Inside_a_64_bit_call_gate_SS_is_null_with_the_new_level()
    {
        using CpuRig rig = new(64, cpl: 3);
        SetGate64(rig, CpuRig.Code64, Target);
        rig.Load(c => c.nop(), rip: Target);
        ulong inside = rig.End;
        EmitCall(rig);
        rig.R.Rsp = CpuRig.StackTop;
        RigEnd end = rig.Run();
        Assert.Equal((ExitReason.InvalidOpcode, inside, 0), (end.Reason, rig.R.Rip, rig.Cpu.Cpl));
        Assert.Equal((0, CpuRig.InnerStack - 32), (rig.Cpu.Segments[Seg.Ss].Selector, rig.R.Rsp));
    }

    [Theory]
    [InlineData("jump", false)]
    [InlineData("second half has a type", true)]
    [InlineData("second half beyond the table", true)]
    [InlineData("gate of less privilege", true)]
    [InlineData("absent", true)]
    [InlineData("to data", true)]
    [InlineData("to 32-bit code", true)]
    [InlineData("target not canonical", true)]
    [InlineData("stack not canonical", true)]
    public void What_a_64_bit_call_gate_refuses(string what, bool isFault)
    {
        using CpuRig rig = new(64, cpl: what == "jump" ? 0 : 3);
        SetGate64(rig, CpuRig.Code64, Target);
        rig.Load(c => c.nop(), rip: Target);
        ulong inside = rig.End;
        EmitCall(rig, isJump: what == "jump");
        (int Vector, ulong Error) expected = (13, Gate);
        switch (what)
        {
            case "second half has a type":
                rig.Write(CpuRig.Gdt + Gate + 12, [0, 1, 0, 0]);
                break;
            case "second half beyond the table":
                rig.Cpu.Gdt = new(CpuRig.Gdt, Gate + 14);
                break;
            case "gate of less privilege":
                rig.SetDescriptor(Gate, CallGate(12, CpuRig.Code64, Target, 2, 0));
                break;
            case "absent":
                rig.SetDescriptor(Gate, CallGate(12, CpuRig.Code64, Target, 3, 0) & ~(1UL << 47));
                expected = (11, Gate);
                break;
            case "to data":
                rig.SetDescriptor(Gate, CallGate(12, CpuRig.Data, Target, 3, 0));
                expected = (13, CpuRig.Data);
                break;
            case "to 32-bit code":
                rig.SetDescriptor(Gate, CallGate(12, CpuRig.Code32, Target, 3, 0));
                expected = (13, CpuRig.Code32);
                break;
            case "target not canonical":
                rig.Write(CpuRig.Gdt + Gate + 8, NotCanonical >> 32);
                expected = (13, 0);
                break;
            case "stack not canonical":
                rig.Write(CpuRig.Tss + 4, NotCanonical + 0x1000);
                UseInterruptStack(rig, 12);
                expected = (12, 0);
                break;
        }

        rig.R.Rsp = CpuRig.StackTop;
        if (isFault && what != "stack not canonical")
        {
            UseInterruptStack(rig, expected.Vector);
        }

        RigEnd end = rig.Run();
        if (isFault)
        {
            Assert.Equal((expected.Vector, expected.Error, rig.Starts[0]), (end.Vector, end.Error, end.Rip));
        }
        else
        {
            Assert.Equal((ExitReason.InvalidOpcode, inside), (end.Reason, rig.R.Rip));
        }
    }

    /// <summary>SDM vol. 3, 6.14.2: pushing a frame onto an address that is not canonical is #SS.</summary>
    [Theory]
    [InlineData("same level")]
    [InlineData("inward")]
    [InlineData("interrupt stack")]
    public void A_frame_on_a_stack_that_is_not_canonical_is_a_stack_fault(string what)
    {
        using CpuRig rig = new(64, cpl: what == "inward" ? 3 : 0);
        rig.Load(c => c.@int(0x80));
        rig.R.Rsp = what == "same level" ? NotCanonical + 0x1000 : CpuRig.StackTop;
        if (what == "inward")
        {
            rig.Write(CpuRig.Tss + 4, NotCanonical + 0x1000);
        }
        else if (what == "interrupt stack")
        {
            rig.Write(CpuRig.Tss + 44, NotCanonical + 0x1000);
            rig.Write(CpuRig.Idt + (0x80 * 16), rig.Read(CpuRig.Idt + (0x80 * 16)) | (2UL << 32));
        }

        UseInterruptStack(rig, 12);
        RigEnd end = rig.Run();
        Assert.Equal((12, 0UL, rig.Starts[0]), (end.Vector, end.Error, end.Rip));
    }

    [Theory]
    [InlineData("to RIP not canonical", 13, 0)]
    [InlineData("nested task", 13, 0)]
    [InlineData("to level 3", -1, 0)]
    [InlineData("to 32-bit code", -1, 0)]
    [InlineData("to level 3 with a null stack", 13, 0)]
    [InlineData("to a stack of another level", 13, CpuRig.Data)]
    public void Iretq(string what, int vector, int error)
    {
        using CpuRig rig = new(64);
        rig.Load(c => c.nop(), rip: Target, bits: what == "to 32-bit code" ? 32 : 64);
        ulong inside = rig.End;
        rig.Load(c => c.iretq());
        int cs = what == "to 32-bit code" ? CpuRig.UserCode32 : CpuRig.UserCode64;
        int ss = what switch { "to level 3 with a null stack" => 0, "to a stack of another level" => CpuRig.Data, _ => CpuRig.UserData };
        rig.R.Rflags |= what == "nested task" ? 0x4000UL : 0;
        rig.R.Rsp = CpuRig.StackTop;
        rig.Cpu.StateChanged(0);
        ulong at = CpuRig.StackTop;
        foreach (ulong value in (ulong[])[what == "to RIP not canonical" ? NotCanonical : Target, (ulong)cs, 0x3202, 0x40000, (ulong)ss])
        {
            rig.Write(at, value);
            at += 8;
        }

        RigEnd end = rig.Run();
        if (vector < 0)
        {
            Assert.Equal((ExitReason.InvalidOpcode, inside, 3, 0x40000UL), (end.Reason, rig.R.Rip, rig.Cpu.Cpl, rig.R.Rsp));
            Assert.Equal((cs, ss, 0x3202UL), (rig.Cpu.Segments[Seg.Cs].Selector, rig.Cpu.Segments[Seg.Ss].Selector, rig.R.Rflags & 0x3302));
            // Data segments of more privilege are taken away.
            Assert.Equal((0, 0), (rig.Cpu.Segments[Seg.Ds].Selector, rig.Cpu.Segments[Seg.Es].Access));
        }
        else
        {
            Assert.Equal((vector, (ulong)error, rig.Starts[0]), (end.Vector, end.Error, end.Rip));
        }
    }

    /// <summary>Frames of every width: 64-bit code takes SS and the stack pointer from all of them.</summary>
    [Theory]
    [InlineData(32, 2)]
    [InlineData(32, 4)]
    [InlineData(64, 2)]
    [InlineData(64, 4)]
    public void Iret_of_another_width(int bits, int width)
    {
        using CpuRig rig = new(bits);
        rig.Load(
            c =>
            {
                c.AddInstruction(Instruction.Create(width == 2 ? Code.Iretw : Code.Iretd));
                c.nop();
            },
            rip: 0xC000);
        ulong at = rig.R.Rsp = 0xF000;
        foreach (ulong value in (ulong[])[rig.Starts[1], (ulong)(bits == 64 ? CpuRig.Code64 : CpuRig.Code32), 0xA47, 0xF100, CpuRig.Data])
        {
            rig.Write(at, value);
            at += (ulong)width;
        }

        RigEnd end = rig.Run();
        Assert.Equal((ExitReason.InvalidOpcode, rig.End, 0xA47UL), (end.Reason, rig.R.Rip, rig.R.Rflags));
        Assert.Equal(bits == 64 ? 0xF100UL : 0xF000 + (3 * (ulong)width), rig.R.Rsp);
    }

    [Theory]
    [InlineData(16, 0)]
    [InlineData(32, 0)]
    [InlineData(32, 3)]
    [InlineData(64, 0)]
    [InlineData(64, 3)]
    public void Int3_is_a_trap(int bits, int cpl)
    {
        using CpuRig rig = new(bits, cpl: cpl);
        rig.Load(c => c.int3());
        RigEnd end = rig.Run();
        Assert.Equal((3, rig.End), (end.Vector, end.Rip));
    }

    [Theory]
    [InlineData(32)]
    [InlineData(16)]
    public void Into_is_a_trap_and_bound_a_fault(int bits)
    {
        using CpuRig rig = new(bits);
        rig.Load(c => c.into());
        rig.R.Rsp = bits == 16 ? 0x8000 : CpuRig.StackTop;
        rig.R.Rflags |= 0x800;
        RigEnd end = rig.Run();
        Assert.Equal((4, rig.Starts[1]), (end.Vector, end.Rip));

        using CpuRig second = new(bits);
        second.Load(c => c.bound(bx, __dword_ptr[si]));
        second.R.Rsp = bits == 16 ? 0x8000 : CpuRig.StackTop;
        second.Cpu.Segments[Seg.Ds].Base = CpuRig.DataArea;
        // -2 to 5
        second.Write(CpuRig.DataArea, [0xFE, 0xFF, 5, 0]);
        second.R.Rbx = 6;
        end = second.Run();
        Assert.Equal((5, second.Starts[0]), (end.Vector, end.Rip));
        second.R.Rip = second.Starts[0];
        second.R.Rbx = 0xFFFE;
        if (bits == 32)
        {
            return;
        }

        // Back from the handler in real mode.
        second.SetSegment(Seg.Cs, 0x1000, CpuRig.Code, 0xFFFF, 0x9B, 0);
        second.Cpu.StateChanged(0);
        Assert.Equal(ExitReason.InvalidOpcode, second.Run().Reason);
    }

    private static void EmitCall(CpuRig rig, bool isJump = false)
    {
        rig.Write(CpuRig.DataArea, 0xDEAD_BEEF | ((ulong)(Gate | 3) << 32));
        rig.Load(c =>
        {
            if (isJump)
            {
                c.jmp(__fword_ptr[CpuRig.DataArea]);
            }
            else
            {
                c.call(__fword_ptr[CpuRig.DataArea]);
            }
        });
    }

    private static void SetGate64(CpuRig rig, int selector, ulong target)
    {
        rig.SetDescriptor(Gate, CallGate(12, selector, target, 3, 0));
        rig.Write(CpuRig.Gdt + Gate + 8, target >> 32);
    }

    private static ulong CallGate(int type, int selector, ulong target, int dpl, int parameters) =>
        (target & 0xFFFF) | ((ulong)selector << 16) | ((ulong)parameters << 32) | ((ulong)(0x80 | (dpl << 5) | type) << 40) | ((target & 0xFFFF_0000) << 32);

    private static void UseInterruptStack(CpuRig rig, int vector)
    {
        rig.Write(CpuRig.Tss + 36, CpuRig.InnerStack);
        ulong at = CpuRig.Idt + ((ulong)vector * 16);
        rig.Write(at, rig.Read(at) | (1UL << 32));
    }
}
