using Hyperpatch.Engine.Guests.Images;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Interception;

/// <summary>Sites that a host watches by breakpoints (level native), and what the guest may do to them.</summary>
public sealed class WatchedSiteTests
{
    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Code_that_the_guest_puts_in_the_place_of_a_patched_site_is_executed(Backend backend)
    {
        ulong result = 0;
        using TestMachine machine = TestMachine.Run(
            backend,
            b =>
            {
                Assembler c = b.Code;
                result = b.Reserve(8);
                c.mov(eax, 1);
                c.call(b.Symbol("site"));
                c.mov(eax, 1);
                c.call(b.Symbol("site"));
                // In the place of the three bytes: inc ebx (two bytes), nop.
                c.mov(__dword_ptr[0x120000], unchecked((int)0xC390C3FF));
                c.xor(ebx, ebx);
                c.call(b.Symbol("site"));
                c.call(b.Symbol("site"));
                c.mov(__qword_ptr[result], rbx);
                b.Exit(0);

                b.At(0x120000, PageFlags.Code | PageFlags.Writable);
                b.Define("site");
                c.vmmcall();
                c.ret();
            });
        Assert.Equal(2UL, machine.Word(result));
        Assert.Equal(2, machine.Served);
        Assert.Equal(1, machine.Patched);
    }
}
