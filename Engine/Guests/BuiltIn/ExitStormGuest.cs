using Hyperpatch.Engine.Guests.Images;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Guests.BuiltIn;

/// <summary>Port output as fast as it goes: what measures and loads the exit path.</summary>
internal sealed class ExitStormGuest : CatalogueGuest
{
    // OUTs for one jump: the loop itself hardly counts.
    private const int Unrolled = 16;

    /// <inheritdoc/>
    public override string Name => "exit-storm";

    /// <inheritdoc/>
    public override string Description => "Writes to port 0x80 on all processors as fast as it goes.";

    /// <inheritdoc/>
    public override string CommandLineHelp => "count=N: port writes of each processor, then the machine ends with status 1; 0 (default): for ever.";

    /// <inheritdoc/>
    protected override Func<GuestImage> Prepare(int processors, GuestCommandLine words)
    {
        long count = words.Number("count", 0, 0, 1_000_000_000_000);
        return () => LongModeImage.Build(b => Emit(b, count), new LongModeOptions { Processors = processors }).Image;
    }

    private static void Emit(LongModeImageBuilder b, long count)
    {
        Assembler c = b.Code;
        Label again = c.CreateLabel(), end = c.CreateLabel();
        b.Define("storm");
        if (count == 0)
        {
            c.Label(ref again);
            Outs(c, Unrolled);
            c.jmp(again);
            return;
        }

        Outs(c, (int)(count % Unrolled));
        if (count >= Unrolled)
        {
            c.mov(rcx, count / Unrolled);
            c.Label(ref again);
            Outs(c, Unrolled);
            c.dec(rcx);
            c.jne(again);
        }

        ulong finished = b.Reserve(4);
        c.mov(eax, 1);
        c.@lock.xadd(__dword_ptr[finished], eax);
        c.cmp(eax, b.Options.Processors - 1);
        c.jne(end);
        b.Exit(0);
        c.Label(ref end);
        b.Halt();
    }

    private static void Outs(Assembler c, int times)
    {
        for (int i = 0; i < times; i++)
        {
            c.@out(0x80, al);
        }
    }
}
