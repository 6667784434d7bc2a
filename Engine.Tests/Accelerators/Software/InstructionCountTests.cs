using Hyperpatch.Engine.Guests;
using Hyperpatch.Engine.Guests.Images;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Tests.Support;
using Hyperpatch.Engine.Vendors;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>The number of executed instructions is exact, whatever comes between them.</summary>
public sealed class InstructionCountTests
{
    private const int Rounds = 500;

    [Theory]
    [InlineData("plain", 4)]
    [InlineData("repeated string", 4)]
    [InlineData("port", 3)]
    [InlineData("repeated port", 5)]
    [InlineData("hypercall", 3)]
    [InlineData("wrong hypercall, not patched", 3)]
    [InlineData("CPUID", 3)]
    [InlineData("undefined", 3)] // ADD and IRETQ of the handler, the instruction itself not
    [InlineData("own single step", 12)] // PUSHFQ, OR, POPFQ; NOP, PUSHFQ, AND, POPFQ; their four handlers' IRETQ, and one more NOP
    public void Each_instruction_counts_once(string body, int instructions)
    {
        Assert.Equal(Rounds * (instructions + 2), Measure(body, 2 * Rounds) - Measure(body, Rounds));
    }

    [Fact]
    public void The_count_goes_on_over_a_vendor_switch()
    {
        using TestMachine machine = TestMachine.Create(Backend.Software, "exit-storm", new VirtualMachineOptions { MemoryMiB = 8 });
        machine.Machine.Run();
        machine.WaitUntil(() => machine.Machine.Processors[0].Instructions > 1000, "it executed instructions");
        machine.Machine.Pause();
        long before = machine.Machine.Processors[0].Instructions!.Value;
        Assert.NotNull(machine.Machine.SwitchVendor(CpuVendor.Amd));
        Assert.Equal(before, machine.Machine.Processors[0].Instructions);
    }

    [Fact]
    public void Kvm_does_not_count()
    {
        using TestMachine machine = TestMachine.Create(Backend.Kvm, "hello", new VirtualMachineOptions { MemoryMiB = 8 });
        Assert.Null(machine.Machine.Processors[0].Instructions);
    }

    private static long Measure(string body, int rounds)
    {
        using TestMachine machine = TestMachine.Run(
            Backend.Software,
            b =>
            {
                Assembler c = b.Code;
                ulong data = b.Reserve(8192, 64);
                Label again = c.CreateLabel();
                c.mov(r12d, rounds);
                c.Label(ref again);
                Emit(b, body, data);
                c.dec(r12d);
                c.jne(again);
                b.Exit(0);
                b.Handle(Vectors.InvalidOpcode, "undefined");
                b.Define("undefined");
                c.add(__qword_ptr[rsp], 2);
                c.iretq();
                b.Handle(1, "debug");
                b.Define("debug");
                c.iretq();
            },
            policy: PatchPolicy.Emulate);
        return machine.Machine.Processors[0].Instructions!.Value;
    }

    private static void Emit(LongModeImageBuilder b, string body, ulong data)
    {
        Assembler c = b.Code;
        switch (body)
        {
            case "plain":
                c.mov(eax, 3);
                c.add(rax, rax);
                c.push(rax);
                c.pop(rbx);
                break;
            case "repeated string":
                c.mov(edi, (uint)data);
                c.mov(ecx, 3000);
                c.xor(eax, eax);
                c.rep.stosb();
                break;
            case "port":
                c.mov(edx, 0x80);
                c.mov(eax, 5);
                c.@out(dx, al);
                break;
            case "repeated port":
                c.mov(edx, 0x80);
                c.mov(esi, (uint)data);
                c.mov(ecx, 700);
                c.cld();
                c.rep.outsb();
                break;
            case "hypercall":
                c.mov(eax, 0x1234);
                c.nop();
                c.vmcall();
                break;
            case "wrong hypercall, not patched":
                c.mov(eax, 0x1234);
                c.nop();
                c.vmmcall();
                break;
            case "CPUID":
                c.mov(eax, 1);
                c.xor(ecx, ecx);
                c.cpuid();
                break;
            case "undefined":
                c.nop();
                c.ud2();
                break;
            default:
                c.pushfq();
                c.or(__dword_ptr[rsp], 0x100);
                c.popfq();
                c.nop();
                c.pushfq();
                c.and(__dword_ptr[rsp], 0xFFFF_FEFF);
                c.popfq();
                c.nop();
                break;
        }
    }
}
