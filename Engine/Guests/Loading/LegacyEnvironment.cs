using System.Buffers.Binary;
using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Guests.Images;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Guests.Loading;

/// <summary>
/// What a 16-bit or 32-bit program finds at its start: vectors whose handler says so on the serial line and ends the machine (status 7), so
/// that a mistake is seen and not a triple fault; flat segments in 32-bit code.
/// </summary>
internal static class LegacyEnvironment
{
    /// <summary>Lowest address of a real-mode program: above are the vectors, the BIOS data area and the handler.</summary>
    public const ulong RealModeEnd = 0x600;

    /// <summary>Bytes of the 32-bit environment, further data included.</summary>
    public const ulong Size = 0x2000;

    private const ulong RealModeHandler = 0x500;
    private const int GdtAt = 0x800;
    private const int HandlerAt = 0x900;
    private const int DataAt = 0xB00;
    private const byte FaultExitValue = 3;
    private const ushort CodeSelector = 0x08;
    private const ushort DataSelector = 0x10;
    private const ulong BootSector = 0x7C00;
    private const ulong Stack32 = 0x9_0000;

    /// <summary>A real-mode start. Segments are 0 for an entry in the first 64 KiB, else the entry's own paragraph.</summary>
    /// <param name="program">The program.</param>
    public static GuestImage Real(ProgramFile program)
    {
        byte[] vectors = new byte[0x400];
        for (int vector = 0; vector < 256; vector++)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(vectors.AsSpan(vector * 4), (ushort)RealModeHandler);
        }

        bool isLow = program.Entry <= ushort.MaxValue;
        ushort segment = isLow ? (ushort)0 : (ushort)(program.Entry >> 4);
        return new GuestImage
        {
            Segments = [new GuestSegment(0, vectors), new GuestSegment(RealModeHandler, Handler(16, RealModeHandler)), .. program.Segments],
            Processors =
            [
                new ProcessorStart
                {
                    Mode = GuestMode.Real,
                    Rip = program.Entry - ((ulong)segment << 4),
                    Rsp = isLow && program.Parts[0].Address >= BootSector ? BootSector : 0xFFFE,
                    CodeSelector = segment,
                    DataSelector = segment,
                    Idt = new DescriptorTable(0, 0x3FF),
                },
            ],
        };
    }

    /// <summary>A start in 32-bit protected mode, paging off.</summary>
    /// <param name="program">The program.</param>
    /// <param name="rax">EAX.</param>
    /// <param name="information">Makes the data that EBX points to, for the address given; null: none, EBX = 0.</param>
    /// <exception cref="GuestImageException">The program leaves no room for the environment.</exception>
    public static GuestImage Protected(ProgramFile program, uint rax, Func<uint, byte[]>? information)
    {
        ulong at = 0x1000;
        while (program.Parts.Any(part => part.Overlaps(at, at + Size)))
        {
            at += 0x1000;
            if (at + Size > Stack32)
            {
                throw new GuestImageException("The image leaves no room below 0x90000 for the boot information and the descriptor tables.");
            }
        }

        byte[] block = new byte[Size];
        for (int vector = 0; vector < 256; vector++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(block.AsSpan(vector * 8), DescriptorTables.Gate32((uint)at + HandlerAt, CodeSelector, 0));
        }

        BinaryPrimitives.WriteUInt64LittleEndian(block.AsSpan(GdtAt + CodeSelector), DescriptorTables.Segment(0, 0xFFFFF, 0x9B, 0xC));
        BinaryPrimitives.WriteUInt64LittleEndian(block.AsSpan(GdtAt + DataSelector), DescriptorTables.Segment(0, 0xFFFFF, 0x93, 0xC));
        Handler(32, at + HandlerAt).CopyTo(block.AsSpan(HandlerAt));
        ulong rbx = 0;
        if (information is not null)
        {
            rbx = at + DataAt;
            information((uint)rbx).CopyTo(block.AsSpan(DataAt));
        }

        return new GuestImage
        {
            Segments = [new GuestSegment(at, block), .. program.Segments],
            Processors =
            [
                new ProcessorStart
                {
                    Mode = GuestMode.Protected,
                    Rip = program.Entry,
                    Rsp = Stack32,
                    CodeSelector = CodeSelector,
                    DataSelector = DataSelector,
                    Gdt = new DescriptorTable(at + GdtAt, 23),
                    Idt = new DescriptorTable(at, 0x7FF),
                    Rax = rax,
                    Rbx = rbx,
                },
            ],
        };
    }

    private static byte[] Handler(int bits, ulong address)
    {
        var emitter = new CodeEmitter(bits, address);
        Assembler c = emitter.Code;
        Label next = c.CreateLabel(), end = c.CreateLabel();

        // Within CS, which is readable: DS may be anything by now.
        if (bits == 16)
        {
            c.mov(si, (ushort)(address + 0x40));
        }
        else
        {
            c.mov(esi, (uint)address + 0x40);
        }

        c.mov(dx, 0x3F8);
        c.Label(ref next);
        if (bits == 16)
        {
            c.mov(al, __byte_ptr.cs[si]);
        }
        else
        {
            c.mov(al, __byte_ptr.cs[esi]);
        }

        c.test(al, al);
        c.je(end);
        c.@out(dx, al);
        if (bits == 16)
        {
            c.inc(si);
        }
        else
        {
            c.inc(esi);
        }

        c.jmp(next);
        c.Label(ref end);
        c.mov(al, (sbyte)FaultExitValue);
        c.@out(0xF4, al);
        Label stop = c.CreateLabel();
        c.cli();
        c.Label(ref stop);
        c.hlt();
        c.jmp(stop);

        byte[] code = emitter.Encode(new Dictionary<string, ulong>())[0].Bytes;
        return [.. code, .. new byte[0x40 - code.Length], .. "panic: exception or interrupt without a handler (there is no BIOS)\n\0"u8];
    }
}
