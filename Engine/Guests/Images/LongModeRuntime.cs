using System.Buffers.Binary;
using System.Globalization;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Guests.Images;

/// <summary>
/// Subroutines and default handlers that every long-mode image has. The subroutines keep all registers but the one that
/// they are said to change.
/// </summary>
internal static class LongModeRuntime
{
    /// <summary>Prints the byte in AL.</summary>
    public const string Put = "serial_put";

    /// <summary>Prints the zero-terminated text at RSI.</summary>
    public const string Print = "serial_print";

    /// <summary>Prints RAX in decimal.</summary>
    public const string Decimal = "serial_decimal";

    /// <summary>Prints RAX as 0x...</summary>
    public const string Hex = "serial_hex";

    /// <summary>Takes the serial line, so that lines of several processors do not mix.</summary>
    public const string Lock = "serial_lock";

    /// <summary>Gives the serial line back.</summary>
    public const string Unlock = "serial_unlock";

    /// <summary>Prints " in NAME" for the code address in RAX, or nothing when no name is near.</summary>
    public const string PrintSymbol = "print_symbol";

    private const string Exception = "exception";
    private const string IgnoreInterrupt = "spurious_interrupt";

    /// <summary>How many names <see cref="Emit"/> defines.</summary>
    public const int SymbolCount = 7 + 2 + 33;

    /// <summary>Name of the default handler of a vector.</summary>
    /// <param name="vector">0 to 255.</param>
    public static string DefaultHandler(int vector) => vector switch
    {
        Vectors.Spurious => IgnoreInterrupt,
        < 32 => string.Create(CultureInfo.InvariantCulture, $"exception_{vector}"),
        _ => "exception_32",
    };

    /// <summary>Writes the code.</summary>
    /// <param name="b">Image.</param>
    /// <param name="symbolTable">Address of the table of names: address and text, 8 bytes each, ascending, closed by an address of all ones.</param>
    public static void Emit(LongModeImageBuilder b, ulong symbolTable)
    {
        EmitSerial(b);
        EmitPrintSymbol(b, symbolTable);
        EmitHandlers(b);
    }

    private static void EmitSerial(LongModeImageBuilder b)
    {
        Assembler c = b.Code;
        ulong busy = b.Reserve(4);

        b.Define(Put);
        c.push(rdx);
        c.push(rax);
        c.mov(edx, 0x3FD);
        Label full = c.CreateLabel();
        c.Label(ref full);
        c.@in(al, dx);
        c.test(al, 0x20);
        c.je(full);
        c.pop(rax);
        c.mov(edx, 0x3F8);
        c.@out(dx, al);
        c.pop(rdx);
        c.ret();

        b.Define(Print);
        c.push(rax);
        c.push(rsi);
        Label next = c.CreateLabel(), end = c.CreateLabel();
        c.Label(ref next);
        c.mov(al, __byte_ptr[rsi]);
        c.test(al, al);
        c.je(end);
        c.call(b.Symbol(Put));
        c.inc(rsi);
        c.jmp(next);
        c.Label(ref end);
        c.pop(rsi);
        c.pop(rax);
        c.ret();

        EmitNumber(b, Decimal, 10, string.Empty);
        EmitNumber(b, Hex, 16, "0x");

        // Bounded: a processor that panics while another one holds the line still gets its words out.
        b.Define(Lock);
        c.push(rax);
        c.push(rcx);
        c.mov(ecx, 200_000);
        Label again = c.CreateLabel(), taken = c.CreateLabel();
        c.Label(ref again);
        c.mov(eax, 1);
        c.xchg(__dword_ptr[busy], eax);
        c.test(eax, eax);
        c.je(taken);
        c.pause();
        c.dec(ecx);
        c.jne(again);
        c.Label(ref taken);
        c.pop(rcx);
        c.pop(rax);
        c.ret();

        b.Define(Unlock);
        c.mov(__dword_ptr[busy], 0);
        c.ret();
    }

    private static void EmitNumber(LongModeImageBuilder b, string name, int radix, string prefix)
    {
        Assembler c = b.Code;
        b.Define(name);
        c.push(rax);
        c.push(rbx);
        c.push(rcx);
        c.push(rdx);
        if (prefix.Length > 0)
        {
            b.Print(prefix);
        }

        c.xor(ecx, ecx);
        c.mov(ebx, radix);
        Label divide = c.CreateLabel(), print = c.CreateLabel(), digit = c.CreateLabel();
        c.Label(ref divide);
        c.xor(edx, edx);
        c.div(rbx);
        c.push(rdx);
        c.inc(ecx);
        c.test(rax, rax);
        c.jne(divide);
        c.Label(ref print);
        c.pop(rax);
        c.add(al, (sbyte)'0');
        c.cmp(al, (sbyte)'9');
        c.jbe(digit);
        c.add(al, 'a' - '9' - 1);
        c.Label(ref digit);
        c.call(b.Symbol(Put));
        c.dec(ecx);
        c.jne(print);
        c.pop(rdx);
        c.pop(rcx);
        c.pop(rbx);
        c.pop(rax);
        c.ret();
    }

    private static void EmitPrintSymbol(LongModeImageBuilder b, ulong symbolTable)
    {
        Assembler c = b.Code;
        b.Define(PrintSymbol);
        c.push(rax);
        c.push(rcx);
        c.push(rsi);
        c.mov(rcx, symbolTable);
        Label next = c.CreateLabel(), found = c.CreateLabel(), none = c.CreateLabel();
        c.cmp(__qword_ptr[rcx], rax);
        c.ja(none);
        c.Label(ref next);
        c.cmp(__qword_ptr[rcx + 16], rax);
        c.ja(found);
        c.add(rcx, 16);
        c.jmp(next);
        c.Label(ref found);

        // A wild address far behind the last name has none.
        c.sub(rax, __qword_ptr[rcx]);
        c.cmp(rax, 0x1000);
        c.ja(none);
        b.Print(" in ");
        c.mov(rsi, __qword_ptr[rcx + 8]);
        c.call(b.Symbol(Print));
        c.Label(ref none);
        c.pop(rsi);
        c.pop(rcx);
        c.pop(rax);
        c.ret();
    }

    private static void EmitHandlers(LongModeImageBuilder b)
    {
        Assembler c = b.Code;
        b.Define(IgnoreInterrupt);
        c.iretq();

        for (int vector = 0; vector <= ExceptionRecord.Unexpected; vector++)
        {
            b.Define(DefaultHandler(vector));
            if (!Vectors.HasErrorCode(vector))
            {
                c.push(0);
            }

            c.push(vector);
            c.jmp(b.Symbol(Exception));
        }

        byte[] names = new byte[Vectors.Names.Length * 8];
        for (int i = 0; i < Vectors.Names.Length; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(names.AsSpan(i * 8), b.Text(Vectors.Names[i]));
        }

        // Stack from here: RCX, RAX, vector, error code, RIP, CS, RFLAGS, RSP, SS.
        b.Define(Exception);
        c.push(rax);
        c.push(rcx);
        b.LoadRecordAddress();
        c.mov(eax, __dword_ptr[rsp + 16]);
        c.mov(__dword_ptr[rcx + ExceptionRecord.VectorOffset], eax);
        c.inc(__dword_ptr[rcx + ExceptionRecord.CountOffset]);
        c.mov(rax, __qword_ptr[rsp + 24]);
        c.mov(__qword_ptr[rcx + ExceptionRecord.ErrorOffset], rax);
        c.mov(rax, __qword_ptr[rsp + 32]);
        c.mov(__qword_ptr[rcx + ExceptionRecord.RipOffset], rax);
        c.mov(eax, __dword_ptr[rsp + 40]);
        c.mov(__dword_ptr[rcx + ExceptionRecord.CsOffset], eax);
        c.mov(eax, __dword_ptr[rsp + 48]);
        c.mov(__dword_ptr[rcx + ExceptionRecord.RflagsOffset], eax);
        c.mov(rax, __qword_ptr[rsp + 56]);
        c.mov(__qword_ptr[rcx + ExceptionRecord.RspOffset], rax);
        c.mov(rax, cr2);
        c.mov(__qword_ptr[rcx + ExceptionRecord.Cr2Offset], rax);

        // Expected: leave by IRETQ rather than by a jump, so that NMIs and RFLAGS are as after any other exception.
        Label panic = c.CreateLabel();
        c.mov(rax, __qword_ptr[rcx + ExceptionRecord.ResumeRipOffset]);
        c.test(rax, rax);
        c.je(panic);
        c.mov(__qword_ptr[rsp + 32], rax);
        c.mov(__qword_ptr[rsp + 40], LongModeSelectors.Code);
        c.and(__qword_ptr[rsp + 48], ~0x4_3300);
        c.mov(rax, __qword_ptr[rcx + ExceptionRecord.ResumeRspOffset]);
        c.mov(__qword_ptr[rsp + 56], rax);
        c.mov(__qword_ptr[rsp + 64], LongModeSelectors.Data);
        c.mov(__qword_ptr[rcx + ExceptionRecord.ResumeRipOffset], 0);
        c.pop(rcx);
        c.pop(rax);
        c.add(rsp, 16);
        c.iretq();

        c.Label(ref panic);
        if (b.Options.PanicOverSerial)
        {
            b.Call(Lock);
            b.Print("panic: ");
            c.mov(eax, __dword_ptr[rcx + ExceptionRecord.VectorOffset]);
            c.mov(rsi, b.Constant(names));
            c.mov(rsi, __qword_ptr[rsi + (rax * 8)]);
            b.Call(Print);
            b.Print(" at ");
            c.mov(rax, __qword_ptr[rcx + ExceptionRecord.RipOffset]);
            b.Call(Hex);
            b.Call(PrintSymbol);
            b.Print(", error ");
            c.mov(rax, __qword_ptr[rcx + ExceptionRecord.ErrorOffset]);
            b.Call(Hex);
            b.Print(", cr2 ");
            c.mov(rax, __qword_ptr[rcx + ExceptionRecord.Cr2Offset]);
            b.Call(Hex);
            b.Print(", processor ");
            c.lea(eax, __[ecx - (int)LongModeLayout.ExceptionRecords]);
            c.shr(eax, 6);
            b.Call(Decimal);
            b.Print("\n");
            b.Call(Unlock);
        }

        b.Exit(b.Options.FaultExitValue);
    }
}
