using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Engine.Tests.Support;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Machine;

/// <summary>Accesses to control registers as exits, and the names of instructions that are not there.</summary>
public sealed class ControlRegisterExitTests
{
    private static readonly VirtualMachineOptions s_asked = new() { MemoryMiB = 4, InterceptControlRegisters = true };

    public static MatrixTheoryData<Backend, GuestVendor> Software => new([Backend.Software, Backend.Deterministic], Enum.GetValues<GuestVendor>());

    [Theory, MemberData(nameof(Software))]
    public void Accesses_are_exits_and_are_carried_out(Backend backend, GuestVendor vendor)
    {
        ulong result = 0;
        using TestMachine machine = TestMachine.Run(
            backend,
            b =>
            {
                result = b.Reserve(16);
                b.Code.mov(rax, cr0);
                b.Code.bts(rax, 3);
                b.Code.mov(cr0, rax);
                b.Code.clts();
                b.Code.mov(rcx, cr3);
                b.Code.mov(cr3, rcx);
                b.Code.mov(ecx, 9);
                b.Code.mov(cr8, rcx);
                b.Code.mov(rdx, cr8);
                b.Code.mov(cr2, rdx);
                b.Code.mov(__qword_ptr[result], rdx);
                b.Code.mov(rax, cr0);
                b.Code.lmsw(ax);
                b.StoreRax(result + 8);
                b.Exit(0);
            },
            vendor,
            options: s_asked);
        Assert.Equal(9UL, machine.Word(result));
        Assert.Equal(0UL, machine.Word(result + 8) & 8);
        (ulong Number, bool IsWrite)[] seen = [.. machine.Records().Where(record => record.Reason == ExitReason.ControlRegister).Select(record => (record.Value0, record.IsWrite))];
        Assert.Equal([(0, false), (0, true), (0, true), (3, false), (3, true), (8, true), (8, false), (0, false), (0, true)], seen);
        ExitRecord first = machine.Records().First(record => record.Reason == ExitReason.ControlRegister && record.IsWrite);
        Assert.Equal(8UL, first.Value1 & 8);
        ExitEvent shown = ExitEvents.Describe(first);
        Assert.Equal(vendor == GuestVendor.Intel ? ("CR_ACCESS", 28u) : ("WRITE_CR0", 0x10u), (shown.NativeName, shown.NativeCode));
        Assert.StartsWith("cr0 = 0x", shown.Detail, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Software))]
    public void What_faults_anyway_is_no_exit(Backend backend, GuestVendor vendor)
    {
        using TestMachine machine = TestMachine.Run(
            backend,
            b =>
            {
                b.ExpectException("end");
                b.EnterUser("user", 0x2_0010_0000);
                b.MapNew(0x2_0010_0000 - 8, 1, Engine.Guests.Images.PageFlags.Data | Engine.Guests.Images.PageFlags.User);
                b.Define("end");
                b.Exit(0);
                b.At(0x2_0000_0000, Engine.Guests.Images.PageFlags.Code | Engine.Guests.Images.PageFlags.User);
                b.Define("user");
                b.Code.mov(rax, cr0);
            },
            vendor,
            options: s_asked);
        Assert.Equal(13u, machine.Exception().Vector);
        Assert.DoesNotContain(machine.Records(), record => record.Reason == ExitReason.ControlRegister);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Not_asked_for_there_are_none(Backend backend)
    {
        using TestMachine machine = TestMachine.Run(backend, b =>
        {
            b.Code.mov(rax, cr3);
            b.Code.mov(cr3, rax);
            b.Exit(0);
        });
        Assert.DoesNotContain(machine.Records(), record => record.Reason == ExitReason.ControlRegister);
    }

    [Theory]
    [InlineData(Backend.Kvm)]
    [InlineData(Backend.KvmStep)]
    public void Kvm_refuses_and_says_who_can(Backend backend)
    {
        MachineOptionException refusal = Assert.Throws<MachineOptionException>(() => TestMachine.Create(backend, b => b.Exit(0), options: s_asked));
        Assert.Equal("interceptControlRegisters", refusal.Field);
        Assert.Contains("accelerator software", refusal.Message, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void The_event_of_an_undefined_instruction_has_its_name(Backend backend)
    {
        using TestMachine machine = TestMachine.Run(backend, b =>
        {
            b.ExpectException("end");
            b.Code.ud2();
            b.Define("end");
            b.Exit(0);
        });
        Assert.Equal("0F 0B: UD2, no hypercall, #UD to the guest", ExitEvents.Describe(Assert.Single(machine.Interceptions())).Detail);
        Assert.Empty(machine.Machine.UnimplementedInstructions);
    }

    [Theory]
    [InlineData(Backend.Software)]
    [InlineData(Backend.Deterministic)]
    public void Instructions_that_the_software_processor_does_not_have_are_named_and_counted(Backend backend)
    {
        using TestMachine machine = TestMachine.Run(backend, b =>
        {
            b.ExpectException("end");
            b.Code.vaddps(ymm0, ymm1, ymm2);
            b.Define("end");
            b.Exit(0);
        });
        Assert.Equal(
            "C5 F4 58 C2: VADDPS, which the processor in software does not have, #UD to the guest",
            ExitEvents.Describe(Assert.Single(machine.Interceptions())).Detail);
        Assert.Equal(1, machine.Machine.UnimplementedInstructions["Vaddps"]);
    }
}
