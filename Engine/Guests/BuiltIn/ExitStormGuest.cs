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
    public override string CommandLineHelp => "count=N: port writes of each processor, then the machine ends with status 1; 0 (default): for ever. "
        + "pause=N: turns of an empty loop behind each write, so that the rate can be chosen; 0 (default): none.";

    /// <inheritdoc/>
    protected override Func<GuestImage> Prepare(int processors, GuestCommandLine words)
    {
        long count = words.Number("count", 0, 0, 1_000_000_000_000);
        int pause = (int)words.Number("pause", 0, 0, int.MaxValue);
        return () => LongModeImage.Build(b => Emit(b, count, pause), new LongModeOptions { Processors = processors }).Image;
    }

    private static void Emit(LongModeImageBuilder b, long count, int pause)
    {
        Assembler c = b.Code;
        Label again = c.CreateLabel(), end = c.CreateLabel();
        b.Define("storm");
        if (count == 0)
        {
            c.Label(ref again);
            Outs(c, Unrolled, pause);
            c.jmp(again);
            return;
        }

        Outs(c, (int)(count % Unrolled), pause);
        if (count >= Unrolled)
        {
            c.mov(rcx, count / Unrolled);
            c.Label(ref again);
            Outs(c, Unrolled, pause);
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

    private static void Outs(Assembler c, int times, int pause)
    {
        for (int i = 0; i < times; i++)
        {
            c.@out(0x80, al);
            if (pause > 0)
            {
                Label turn = c.CreateLabel();
                c.mov(edx, pause);
                c.Label(ref turn);
                c.dec(edx);
                c.jne(turn);
            }
        }
    }
}
