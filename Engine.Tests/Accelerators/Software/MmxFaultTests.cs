using Hyperpatch.Engine.Guests.Images;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Hyperpatch.Engine.Tests.Accelerators.Software.FloatFaultGuest;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>When MMX instructions and CLFLUSH are exceptions, and what these leave. In software only, as the SSE ones.</summary>
public sealed class MmxFaultTests
{
    private const int Undefined = 6, NotAvailable = 7, Protection = 13, PageFault = 14, Numeric = 16, Simd = 19;

    private static readonly Dictionary<string, Action<Assembler>> s_instructions = new()
    {
        ["paddb"] = c => c.paddb(mm0, mm1),
        ["pshufw"] = c => c.pshufw(mm0, mm1, 0x1B),
        ["emms"] = c => c.emms(),
        ["movq to memory"] = c => c.movq(__qword_ptr[rsp - 16], mm0),
        ["movq2dq"] = c => c.movq2dq(xmm0, mm0),
        ["movdq2q"] = c => c.movdq2q(mm0, xmm0),
        ["cvtpi2ps"] = c => c.cvtpi2ps(xmm0, mm0),
        ["cvtpi2ps of memory"] = c => c.cvtpi2ps(xmm0, __qword_ptr[rsp]),
        ["cvtpi2pd of memory"] = c => c.cvtpi2pd(xmm0, __qword_ptr[rsp]),
        ["cvtpd2pi misaligned"] = c => c.cvtpd2pi(mm0, __xmmword_ptr[rbx + 8]),
        ["cvtps2pi, unmasked"] = c =>
        {
            c.mov(__dword_ptr[rbx], 0);
            c.ldmxcsr(__dword_ptr[rbx]);
            c.pcmpeqd(xmm0, xmm0);
            c.cvtps2pi(mm0, xmm0);
        },
        ["clflush"] = c => c.clflush(__byte_ptr[rbx + 77]),
        ["clflush, absent"] = c => c.clflush(__byte_ptr[rbx + 0x1000]),
        ["clflush, not canonical"] = c =>
        {
            c.mov(rax, 1L << 63);
            c.clflush(__byte_ptr[rax]);
        },
        ["load, absent"] = c => c.paddb(mm0, __qword_ptr[rbx + 0x1000]),
        ["store, half absent"] = c => c.movq(__qword_ptr[rbx + 0xFFC], mm0),
        ["movntq, half absent"] = c => c.movntq(__qword_ptr[rbx + 0xFFC], mm0),
        ["maskmovq, half absent"] = c =>
        {
            c.lea(rdi, __[rbx + 0xFFC]);
            c.maskmovq(mm0, mm1);
        },
        ["monitor"] = c => c.monitor(),
        ["mwait"] = c => c.mwait(),
        ["pause"] = c => c.pause(),
        ["fences"] = c =>
        {
            c.lfence();
            c.sfence();
            c.mfence();
        },
        ["prefetches of what is absent"] = c =>
        {
            c.prefetchnta(__byte_ptr[rbx + 0x1000]);
            c.prefetcht0(__byte_ptr[rbx + 0x1000]);
            c.prefetcht1(__byte_ptr[rbx + 0x1000]);
            c.prefetcht2(__byte_ptr[rbx + 0x1000]);
        },
        ["movnti"] = c => c.movnti(__dword_ptr[rbx], eax),
    };

    [Theory]
    [InlineData("paddb", 0, 0, false, None)]
    [InlineData("paddb", Emulated, 0, false, Undefined)]
    [InlineData("paddb", Emulated | TaskSwitched, 0, false, Undefined)]
    [InlineData("paddb", TaskSwitched, 0, false, NotAvailable)]
    [InlineData("paddb", TaskSwitched, 0, true, NotAvailable)]
    [InlineData("paddb", NumericError, 0, true, Numeric)]
    [InlineData("paddb", 0, OsFxsr, false, None)]
    [InlineData("pshufw", 0, OsFxsr, false, None)]
    [InlineData("emms", Emulated, 0, false, Undefined)]
    [InlineData("emms", NumericError, 0, true, Numeric)]
    [InlineData("movq to memory", NumericError, 0, true, Numeric)]
    [InlineData("movq2dq", 0, OsFxsr, false, Undefined)]
    [InlineData("movq2dq", NumericError, 0, true, Numeric)]
    [InlineData("movdq2q", TaskSwitched, 0, false, NotAvailable)]
    [InlineData("cvtpi2ps", NumericError, 0, true, Numeric)]
    [InlineData("cvtpi2ps of memory", NumericError, 0, true, Numeric)]
    [InlineData("cvtpi2pd of memory", NumericError, 0, true, None)]
    [InlineData("cvtpd2pi misaligned", 0, 0, false, Protection)]
    [InlineData("cvtps2pi, unmasked", 0, 0, false, Simd)]
    [InlineData("clflush", 0, 0, false, None)]
    [InlineData("clflush", Emulated | TaskSwitched, 0, false, None)]
    [InlineData("clflush, absent", 0, 0, false, PageFault)]
    [InlineData("clflush, not canonical", 0, 0, false, Protection)]
    [InlineData("load, absent", 0, 0, false, PageFault)]
    [InlineData("store, half absent", 0, 0, false, PageFault)]
    [InlineData("movntq, half absent", 0, 0, false, PageFault)]
    [InlineData("maskmovq, half absent", 0, 0, false, PageFault)]
    [InlineData("monitor", 0, 0, false, Undefined)]
    [InlineData("mwait", 0, 0, false, Undefined)]
    [InlineData("pause", 0, 0, false, None)]
    [InlineData("fences", 0, 0, false, None)]
    [InlineData("prefetches of what is absent", 0, 0, false, None)]
    [InlineData("movnti", 0, 0, false, None)]
    public void What_may_not_run_is_an_exception_and_leaves_all_as_it_was(string what, int cr0Set, int cr4Cleared, bool isPending, int vector)
    {
        using FloatFaultGuest guest = FloatFaultGuest.Run(
            cr0Set,
            cr4Cleared,
            isPending,
            Page,
            c =>
            {
                // MMX instructions change what is on the stack then.
                c.mov(rax, -1L);
                c.movq(mm0, rax);
                c.movq(mm1, rax);
                c.emms();
            },
            s_instructions[what]);
        Assert.Equal(vector, guest.Vector);
        if (guest.Vector != None)
        {
            // Control, status and tags; registers; the end of the page.
            TestMachine machine = guest.Machine;
            Assert.Equal(machine.Word(guest.Before) & 0xFF_FFFF_FFFF, machine.Word(guest.After) & 0xFF_FFFF_FFFF);
            Assert.Equal(machine.Words(guest.Before + 32, 16), machine.Words(guest.After + 32, 16));
            Assert.Equal(0UL, machine.Word(guest.Memory + 0xFF8));
        }
    }

    [Theory]
    [InlineData(GuestVendor.Intel, 1, 0, 1 << 19 | 1 << 23)]
    [InlineData(GuestVendor.Amd, 1, 0, 1 << 19 | 1 << 23)]
    [InlineData(GuestVendor.Amd, unchecked((int)0x8000_0001), 0, 1 << 22 | 1 << 23)]
    [InlineData(GuestVendor.Intel, unchecked((int)0x8000_0001), 1 << 22 | 1 << 23, 0)]
    public void Cpuid_says_that_it_is_there(GuestVendor vendor, int leaf, int clear, int set)
    {
        ulong edx = 0;
        using TestMachine machine = TestMachine.Run(
            Backend.Software,
            b =>
            {
                Assembler c = b.Code;
                edx = b.Reserve(8);
                c.mov(eax, leaf);
                c.cpuid();
                c.mov(__dword_ptr[edx], Iced.Intel.AssemblerRegisters.edx);
                b.Exit(0);
            },
            vendor);
        Assert.Equal(set, (int)machine.Word(edx) & (set | clear));
    }
}
