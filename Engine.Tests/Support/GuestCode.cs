using Hyperpatch.Engine.Guests.Images;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Support;

/// <summary>What the tests' guests have in common.</summary>
internal static class GuestCode
{
    /// <summary>Result of an unknown hypercall.</summary>
    public const ulong NoSuchCall = unchecked((ulong)-1000);

    /// <summary>Result of a hypercall from CPL 3.</summary>
    public const ulong NotPermitted = unchecked((ulong)-1);

    /// <summary>Code: a hypercall instruction in one vendor's form, behind prefixes.</summary>
    public static void Hypercall(this LongModeImageBuilder b, GuestVendor form, params byte[] prefixes) =>
        b.Code.db([.. prefixes, 0x0F, 0x01, form.Opcode()]);

    /// <summary>Code: stores RAX to a variable.</summary>
    public static void StoreRax(this LongModeImageBuilder b, ulong variable) => b.Code.mov(__qword_ptr[variable], rax);

    /// <summary>Code: the end of a guest of several processors; the last to arrive ends the machine. EBP: own index.</summary>
    /// <param name="b">Where to.</param>
    /// <param name="done">A variable, zero at first, that counts who has arrived.</param>
    public static void ExitTogether(this LongModeImageBuilder b, ulong done)
    {
        Assembler c = b.Code;
        Label wait = c.CreateLabel(), stop = c.CreateLabel();
        c.@lock.inc(__qword_ptr[done]);
        c.test(ebp, ebp);
        c.jne(stop);
        c.Label(ref wait);
        c.pause();
        c.cmp(__qword_ptr[done], b.Options.Processors);
        c.jne(wait);
        b.Exit(0);
        c.Label(ref stop);
        b.Halt();
    }

    /// <summary>Code: calls an absolute address. Changes RAX.</summary>
    public static void CallAt(this LongModeImageBuilder b, ulong linear)
    {
        b.Code.mov(rax, linear);
        b.Code.call(rax);
    }
}
