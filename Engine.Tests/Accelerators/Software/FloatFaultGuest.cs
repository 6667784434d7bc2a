using Hyperpatch.Engine.Guests.Images;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>
/// One MMX or x87 instruction on a stack of 1 and 0, in software, with FXSAVE64's areas from before and behind it, and a page that it may use with nothing behind.
/// </summary>
internal sealed class FloatFaultGuest : IDisposable
{
    /// <summary><see cref="Vector"/> where the instruction was carried out.</summary>
    public const int None = -1;

    /// <summary>Bits of CR0.</summary>
    public const int Emulated = 4, TaskSwitched = 8, NumericError = 0x20;

    /// <summary>CR4.OSFXSR.</summary>
    public const int OsFxsr = 0x200;

    /// <summary>Linear address of the page.</summary>
    public const ulong Page = 0x3_0000_0000;

    private FloatFaultGuest(TestMachine machine, ulong before, ulong after, ulong memory) =>
        (Machine, Before, After, Memory) = (machine, before, after, memory);

    /// <summary>The machine, at its end.</summary>
    public TestMachine Machine { get; }

    /// <summary>FXSAVE64's area from before the instruction.</summary>
    public ulong Before { get; }

    /// <summary>FXSAVE64's area from behind it.</summary>
    public ulong After { get; }

    /// <summary>Guest-physical address of the page.</summary>
    public ulong Memory { get; }

    /// <summary>The exception, or <see cref="None"/>.</summary>
    public int Vector => Machine.Exception() is var exception && exception.Vector == 6 && exception.Rip == Machine.Image["last"] ? None : (int)exception.Vector;

    /// <summary>Runs it.</summary>
    /// <param name="cr0Set">Bits set in CR0 for the instruction; NE is clear otherwise.</param>
    /// <param name="cr4Cleared">Bits cleared in CR4 for it.</param>
    /// <param name="isPending">Whether an unmasked x87 exception is pending.</param>
    /// <param name="rbx">What RBX is.</param>
    /// <param name="prepare">Writes what comes first; it leaves the stack empty.</param>
    /// <param name="instruction">Writes the instruction.</param>
    public static FloatFaultGuest Run(int cr0Set, int cr4Cleared, bool isPending, ulong rbx, Action<Assembler> prepare, Action<Assembler> instruction)
    {
        ulong before = 0, after = 0, memory = 0;
        TestMachine machine = TestMachine.Create(Backend.Software, b =>
        {
            Assembler c = b.Code;
            b.ExpectException("end");
            memory = b.MapNew(Page, 1, PageFlags.Data);
            before = b.Reserve(512, 16);
            after = b.Reserve(512, 16);
            c.mov(AssemblerRegisters.rbx, rbx);
            prepare(c);
            c.fld1();
            c.fldz();
            if (isPending)
            {
                c.push(0x37B);
                c.fldcw(__word_ptr[rsp]);
                c.fdivp(st1, st0);
            }

            c.fxsave64(__[before]);
            c.mov(rax, cr0);
            c.and(rax, ~NumericError);
            c.or(rax, cr0Set);
            c.mov(cr0, rax);
            c.mov(rax, cr4);
            c.and(rax, ~cr4Cleared);
            c.mov(cr4, rax);
            instruction(c);
            b.Define("last");
            c.ud2();
            b.Define("end");
            c.mov(rax, cr0);
            c.and(rax, ~(Emulated | TaskSwitched));
            c.mov(cr0, rax);
            c.mov(rax, cr4);
            c.or(rax, OsFxsr);
            c.mov(cr4, rax);
            c.fxsave64(__[after]);
            b.Exit(0);
        });
        machine.RunToEnd(expected: 1);
        return new FloatFaultGuest(machine, before, after, memory);
    }

    public void Dispose() => Machine.Dispose();
}
