using System.Buffers.Binary;
using Hyperpatch.Engine.Accelerators;

namespace Hyperpatch.Engine.Guests.BuiltIn;

/// <summary>16-bit code at a code segment that is not 0, with an interrupt vector table of its own.</summary>
internal sealed class RealModeGuest : CatalogueGuest
{
    private const ushort CodeSegment = 0x1000;
    private const ushort DataSegment = 0x2000;

    /// <inheritdoc/>
    public override string Name => "real-mode";

    /// <inheritdoc/>
    public override string Description => "16-bit code: hypercalls in both vendors' forms and UD2s counted by its own handler in the interrupt vector table.";

    /// <inheritdoc/>
    public override GuestMode Mode => GuestMode.Real;

    /// <inheritdoc/>
    public override int MaximumProcessors => 1;

    /// <inheritdoc/>
    protected override Func<GuestImage> Prepare(int processors, GuestCommandLine words) => Assemble;

    private GuestImage Assemble()
    {
        var program = new LegacyProgram(Name, 16, DataSegment << 4, DataSegment << 4);
        var symbols = new Dictionary<string, ulong>();
        List<GuestSegment> segments = [.. program.Segments(CodeSegment << 4, symbols)];
        byte[] vectors = new byte[0x400];
        for (int vector = 0; vector < 256; vector++)
        {
            ulong handler = symbols[vector == Images.Vectors.InvalidOpcode ? LegacyProgram.UndefinedHandler : LegacyProgram.OtherHandler];
            BinaryPrimitives.WriteUInt16LittleEndian(vectors.AsSpan(vector * 4), (ushort)handler);
            BinaryPrimitives.WriteUInt16LittleEndian(vectors.AsSpan((vector * 4) + 2), CodeSegment);
        }

        segments.Add(new GuestSegment(0, vectors));
        return new GuestImage
        {
            Segments = [.. segments],
            Processors =
            [
                new ProcessorStart
                {
                    Mode = GuestMode.Real,
                    Rip = symbols["entry"],
                    Rsp = 0xFFF0,
                    CodeSelector = CodeSegment,
                    DataSelector = DataSegment,
                    Idt = new DescriptorTable(0, 0x3FF),
                },
            ],
        };
    }
}
