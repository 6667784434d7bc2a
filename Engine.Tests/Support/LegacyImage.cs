using System.Buffers.Binary;
using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Guests;
using Hyperpatch.Engine.Guests.Images;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Support;

/// <summary>A little guest in real mode or in 32-bit protected mode, its code in a segment with a base of its own.</summary>
internal static class LegacyImage
{
    /// <summary>Guest-physical room for results; DS has base 0 in protected mode, and this base in real mode.</summary>
    public const uint Data = 0x20000;

    /// <summary>Status of a guest that met an exception.</summary>
    public const int ExceptionStatus = 7;

    private const uint Gdt = 0x1000;
    private const uint Idt = 0x2000;

    /// <summary>Assembles one.</summary>
    /// <param name="bits">16 or 32.</param>
    /// <param name="codeBase">Base of CS.</param>
    /// <param name="origin">IP of the first instruction.</param>
    /// <param name="emit">Writes the code.</param>
    /// <param name="more">Further memory.</param>
    public static GuestImage Build(int bits, uint codeBase, uint origin, Action<CodeEmitter> emit, params GuestSegment[] more)
    {
        CodeEmitter emitter = new(bits, origin);
        emit(emitter);
        emitter.Define("exception");
        Exit(emitter.Code, ExceptionStatus >> 1);
        Dictionary<string, ulong> symbols = [];
        List<GuestSegment> segments = [.. emitter.Encode(symbols).Select(block => new GuestSegment(codeBase + block.Address, block.Bytes)), .. more];
        ushort handler = (ushort)symbols["exception"];
        if (bits == 16)
        {
            byte[] vectors = new byte[0x400];
            for (int i = 0; i < 256; i++)
            {
                BinaryPrimitives.WriteUInt16LittleEndian(vectors.AsSpan(i * 4), handler);
                BinaryPrimitives.WriteUInt16LittleEndian(vectors.AsSpan((i * 4) + 2), (ushort)(codeBase >> 4));
            }

            segments.Add(new GuestSegment(0, vectors));
            return Image(segments, new ProcessorStart
            {
                Mode = GuestMode.Real,
                Rip = origin,
                Rsp = 0xFFF0,
                CodeSelector = (ushort)(codeBase >> 4),
                DataSelector = (ushort)(Data >> 4),
                Idt = new DescriptorTable(0, 0x3FF),
            });
        }

        segments.Add(new GuestSegment(Gdt, Table(
            0, DescriptorTables.Segment(codeBase, 0xFFFFF, 0x9B, 0xC), DescriptorTables.Segment(0, 0xFFFFF, 0x93, 0xC))));
        segments.Add(new GuestSegment(Idt, Table([.. Enumerable.Repeat(DescriptorTables.Gate32(handler, 8, 0), 32)])));
        return Image(segments, new ProcessorStart
        {
            Mode = GuestMode.Protected,
            Rip = origin,
            Rsp = 0x90000,
            CodeSelector = 8,
            CodeBase = codeBase,
            DataSelector = 16,
            Gdt = new DescriptorTable(Gdt, 23),
            Idt = new DescriptorTable(Idt, (32 * 8) - 1),
        });
    }

    /// <summary>Code: ends the machine.</summary>
    public static void Exit(Assembler c, byte value)
    {
        c.mov(al, value);
        c.@out(0xF4, al);
        c.cli();
        c.hlt();
    }

    private static GuestImage Image(List<GuestSegment> segments, ProcessorStart start) =>
        new() { Segments = [.. segments], Processors = [start] };

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
