using System.Buffers.Binary;
using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Guests.Images;

namespace Hyperpatch.Engine.Guests.BuiltIn;

/// <summary>32-bit code in a segment whose base is not 0: the linear address of a site is not its EIP.</summary>
internal sealed class ProtectedModeGuest : CatalogueGuest
{
    private const uint Gdt = 0x1000;
    private const uint Idt = 0x2000;
    private const uint CodeBase = 0x40000;
    private const uint Data = 0x60000;
    private const uint PageDirectory = 0x70000;
    private const uint PageTable = 0x71000;
    private const uint StackTop = 0x90000;
    private const ushort CodeSelector = 0x08;
    private const ushort DataSelector = 0x10;

    /// <inheritdoc/>
    public override string Name => "protected-mode";

    /// <inheritdoc/>
    public override string Description => "32-bit code in a segment with a base: hypercalls in both vendors' forms and UD2s counted by its own handler.";

    /// <inheritdoc/>
    public override GuestMode Mode => GuestMode.Protected;

    /// <inheritdoc/>
    public override int MaximumProcessors => 1;

    /// <inheritdoc/>
    public override string CommandLineHelp => "paging=off|on: without paging (default) or with 32-bit page tables, which not every host's KVM can run.";

    /// <inheritdoc/>
    protected override Func<GuestImage> Prepare(int processors, GuestCommandLine words)
    {
        bool paging = words.Choice("paging", "off", "on") == "on";
        return () => Assemble(paging);
    }

    private GuestImage Assemble(bool paging)
    {
        var program = new LegacyProgram(Name, 32, Data, 0);
        var symbols = new Dictionary<string, ulong>();
        List<GuestSegment> segments = [.. program.Segments(CodeBase, symbols)];
        segments.Add(new GuestSegment(
            Gdt,
            Table(0, DescriptorTables.Segment(CodeBase, 0xFFFFF, 0x9B, 0xC), DescriptorTables.Segment(0, 0xFFFFF, 0x93, 0xC))));

        ulong[] gates = new ulong[256];
        for (int vector = 0; vector < gates.Length; vector++)
        {
            ulong handler = symbols[vector == Vectors.InvalidOpcode ? LegacyProgram.UndefinedHandler : LegacyProgram.OtherHandler];
            gates[vector] = DescriptorTables.Gate32((uint)handler, CodeSelector, 0);
        }

        segments.Add(new GuestSegment(Idt, Table(gates)));
        if (paging)
        {
            segments.AddRange(PageTables());
        }

        return new GuestImage
        {
            Segments = [.. segments],
            Processors =
            [
                new ProcessorStart
                {
                    Mode = GuestMode.Protected,
                    Rip = symbols["entry"],
                    Rsp = StackTop,
                    CodeSelector = CodeSelector,
                    CodeBase = CodeBase,
                    DataSelector = DataSelector,
                    Gdt = new DescriptorTable(Gdt, (3 * 8) - 1),
                    Idt = new DescriptorTable(Idt, (256 * 8) - 1),
                    Cr3 = paging ? PageDirectory : 0,
                },
            ],
        };
    }

    /// <summary>The first 4 MiB one to one in 4 KiB pages.</summary>
    private static IEnumerable<GuestSegment> PageTables()
    {
        const uint PresentWritable = 3;
        byte[] directory = new byte[0x1000], table = new byte[0x1000];
        BinaryPrimitives.WriteUInt32LittleEndian(directory, PageTable | PresentWritable);
        for (int i = 0; i < 1024; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(table.AsSpan(i * 4), (uint)(i << 12) | PresentWritable);
        }

        return [new GuestSegment(PageDirectory, directory), new GuestSegment(PageTable, table)];
    }

    private static byte[] Table(params ReadOnlySpan<ulong> entries)
    {
        byte[] bytes = new byte[entries.Length * 8];
        for (int i = 0; i < entries.Length; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(i * 8), entries[i]);
        }

        return bytes;
    }
}
