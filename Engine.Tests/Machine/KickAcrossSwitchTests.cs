using System.Text;
using Hyperpatch.Engine.Tests.Support;
using Hyperpatch.Engine.Vendors;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Machine;

/// <summary>A kick that comes before the HLT it is meant for holds across a vendor switch between the two.</summary>
public sealed class KickAcrossSwitchTests
{
    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Kicked_processor_does_not_stay_in_its_next_HLT(Backend backend)
    {
        using TestMachine machine = TestMachine.Create(backend, b =>
        {
            Assembler c = b.Code;
            c.mov(eax, 5); // KICK_CPU
            c.xor(ebx, ebx);
            c.xor(ecx, ecx); // itself
            c.vmcall();
            b.Print("kicked");
            Label wait = c.CreateLabel();
            c.Label(ref wait);
            c.mov(edx, 0x3FD);
            c.@in(al, dx);
            c.test(al, 1);
            c.je(wait);
            c.cli();
            c.hlt();
            b.Exit(0);
        });
        machine.Machine.Run();
        machine.WaitUntil(() => machine.Serial.Contains("kicked", StringComparison.Ordinal), "the guest's kick");
        _ = machine.Machine.SwitchVendor(CpuVendor.Amd);
        Assert.Equal(1, machine.Machine.Serial.SendInput(Encoding.ASCII.GetBytes("x")));
        _ = machine.WaitForEnd(expected: 1);
    }
}
