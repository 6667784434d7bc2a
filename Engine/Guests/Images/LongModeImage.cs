using System.Collections.Frozen;

namespace Hyperpatch.Engine.Guests.Images;

/// <summary>
/// A guest image for 64-bit mode with its own GDT, IDT, TSSs, page tables and stacks, made from code that is given as a
/// delegate. The built-in guests are made with it, and the tests' little guests.
/// </summary>
/// <remarks>
/// The code starts at <see cref="LongModeLayout.Text"/> on every processor, CPL 0, RDI = processor index, RSP = a stack of
/// its own (a multiple of 16), interrupts off. Any exception without a handler of its own is written down as an
/// <see cref="ExceptionRecord"/>, printed ("panic: #PF at ...") and ends the machine with
/// <see cref="LongModeOptions.FaultExitValue"/>, unless <see cref="LongModeImageBuilder.ExpectException"/> said where to go on.
/// </remarks>
/// <example>
/// A hypercall that lies across two pages, of which the second is read-only, called from CPL 0; the result stays in memory:
/// <code>
/// ulong result = 0;
/// LongModeImage image = LongModeImage.Build(b =>
/// {
///     Assembler c = b.Code;
///     result = b.Reserve(8);
///     c.mov(eax, 1);                                   // VAPIC_POLL_IRQ
///     c.call(b.Symbol("site"));
///     c.mov(__qword_ptr[result], rax);
///     b.Exit(0);                                       // status 1
///
///     b.At(0x120FFE);                                  // last two bytes of a page of the text area
///     b.Define("site");
///     c.vmmcall();
///     c.ret();
///     b.Protect(0x121000, PageFlags.ReadOnlyCode);
/// });
/// machine = Create(image.Image);                       // GuestImage
/// ... image["site"] == 0x120FFE
/// ... ExceptionRecord.Read(memory at ExceptionRecord.AddressOf(0)).Vector == Vectors.PageFault under `faithful`
/// </code>
/// CPL 3 at any address, such as the top of the lower half: <c>b.At(0x7FFF_FFFF_FFFD, PageFlags.Code | PageFlags.User)</c> for
/// the code, <c>b.MapNew(linear, pages, PageFlags.Data | PageFlags.User)</c> for its stack, <c>b.EnterUser(symbol, stackTop)</c> to
/// get there, and <c>b.ExpectException("back")</c> before it to get back to CPL 0 by the next exception.
/// 32-bit code (compatibility mode): <c>b.Code32At(address)</c>. A name more than 2 GiB away: <c>b.CallFarAway(symbol)</c>,
/// <c>b.LoadAddress(register, symbol)</c>.
/// </example>
internal sealed class LongModeImage
{
    private readonly FrozenDictionary<string, ulong> _symbols;
    private readonly PageTableBuilder _tables;

    internal LongModeImage(GuestImage image, IDictionary<string, ulong> symbols, PageTableBuilder tables)
    {
        Image = image;
        _symbols = symbols.ToFrozenDictionary(StringComparer.Ordinal);
        _tables = tables;
    }

    /// <summary>What a machine loads.</summary>
    public GuestImage Image { get; }

    /// <summary>Linear address of a name that the code defined.</summary>
    /// <param name="symbol">The name.</param>
    public ulong this[string symbol] => _symbols[symbol];

    /// <summary>Assembles an image.</summary>
    /// <param name="emit">Writes the code, from the processors' entry on.</param>
    /// <param name="options">Processors, mapping of text, control registers; defaults when null.</param>
    public static LongModeImage Build(Action<LongModeImageBuilder> emit, LongModeOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(emit);
        var builder = new LongModeImageBuilder(options ?? new LongModeOptions());
        emit(builder);
        return builder.Build();
    }

    /// <summary>Guest-physical address behind a linear address of the image.</summary>
    /// <param name="linear">Linear address.</param>
    /// <exception cref="ArgumentOutOfRangeException">Nothing was ever mapped there.</exception>
    public ulong Physical(ulong linear) =>
        _tables.Translate(linear) ?? throw new ArgumentOutOfRangeException(nameof(linear), linear, "Not mapped by the image.");
}
