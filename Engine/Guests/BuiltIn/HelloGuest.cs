using Hyperpatch.Engine.Guests.Images;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Guests.BuiltIn;

/// <summary>The smallest guest: one hypercall in each vendor's form, one line on the serial port, the end.</summary>
internal sealed class HelloGuest : CatalogueGuest
{
    /// <inheritdoc/>
    public override string Name => "hello";

    /// <inheritdoc/>
    public override string Description => "Makes one hypercall in each vendor's form, greets over the serial line and halts.";

    /// <inheritdoc/>
    protected override Func<GuestImage> Prepare(int processors, GuestCommandLine words) => () =>
        LongModeImage.Build(Emit, new LongModeOptions { Processors = processors }).Image;

    private static void Emit(LongModeImageBuilder b)
    {
        Assembler c = b.Code;
        Label others = c.CreateLabel();
        c.test(edi, edi);
        c.jne(others);

        c.mov(eax, GuestHypercall.VapicPollIrq);
        b.Define("intel_site");
        c.vmcall();

        c.mov(eax, GuestHypercall.SchedYield);
        c.xor(ebx, ebx);
        b.Define("amd_site");
        c.vmmcall();

        // The vendor's twelve characters, and the zero behind them that the variable starts with.
        ulong vendor = b.Reserve(16);
        c.xor(eax, eax);
        c.cpuid();
        c.mov(__dword_ptr[vendor], ebx);
        c.mov(__dword_ptr[vendor + 4], edx);
        c.mov(__dword_ptr[vendor + 8], ecx);
        b.Print("Hello from ");
        c.mov(rsi, vendor);
        b.Call(LongModeRuntime.Print);
        b.Print(" on Hyperpatch\n");

        c.Label(ref others);
        b.Halt();
    }
}
