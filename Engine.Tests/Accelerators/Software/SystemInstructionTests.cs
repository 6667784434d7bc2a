using Hyperpatch.Engine.Guests.Images;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>System instructions of the software processor against the manuals: what they fault with, and what they leave.</summary>
public sealed class SystemInstructionTests
{
    private const ulong UserCode = 0x2_0000_0000, UserStack = 0x2_0010_0000;

    public static TheoryData<string> Names => new(SystemRows.All.Select(row => row.Name));

    [Theory, MemberData(nameof(Names))]
    public void Does_what_the_manual_says(string name)
    {
        SystemRow row = Assert.Single(SystemRows.All, r => r.Name == name);
        ulong result = 0;
        using TestMachine machine = TestMachine.Run(
            Backend.Software,
            b =>
            {
                result = b.Reserve(8);
                b.ExpectException("end");
                if (row.Cpl == 3)
                {
                    b.EnterUser("code", UserStack);
                    b.MapNew(UserStack - 8, 1, PageFlags.Data | PageFlags.User);
                }
                else
                {
                    b.Code.jmp(b.Symbol("code"));
                }

                b.Define("end");
                b.Code.mov(__qword_ptr[result], rax);
                b.Exit(0);
                if (row.Cpl == 3)
                {
                    b.At(UserCode, PageFlags.Code | PageFlags.User);
                }

                b.Define("code");
                row.Emit(b.Code);
                b.Define("last");
                b.Code.ud2();
            },
            row.Vendor,
            PatchPolicy.Force,
            new LongModeOptions { Cr4Set = row.Cr4 });
        ExceptionRecord exception = machine.Exception();
        uint? vector = exception.Vector == 6 && exception.Rip == machine.Image["last"] ? null : exception.Vector;
        Assert.Equal((row.Vector, row.Error), (vector, exception.ErrorCode));
        Assert.Equal(row.Rax ?? machine.Word(result), machine.Word(result));
    }

    /// <summary>Bit 0 of #PF's error code is P, not EXT, when the fault comes of the delivery of another.</summary>
    [Fact]
    public void A_page_fault_inside_a_delivery_says_that_the_page_is_absent()
    {
        ulong result = 0;
        using TestMachine machine = TestMachine.Run(Backend.Software, b =>
        {
            Assembler c = b.Code;
            result = b.Reserve(8);
            b.Handle(14, "page fault", ist: 1);
            c.xor(esp, esp);
            c.mov(rax, 1L << 63);
            c.mov(al, __[rax]);
            b.Define("page fault");
            c.pop(rax);
            c.mov(__qword_ptr[result], rax);
            b.Exit(0);
        });
        const ulong Write = 2;
        Assert.Equal(Write, machine.Word(result));
    }
}
