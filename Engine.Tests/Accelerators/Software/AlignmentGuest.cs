using System.Globalization;
using Hyperpatch.Engine.Guests.Images;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>A guest that executes each row at CPL 3 at some addresses, EFLAGS.AC set, and writes down the exception that ended it.</summary>
internal static class AlignmentGuest
{
    /// <summary>Distances of the addresses from a multiple of 16.</summary>
    public static readonly int[] Offsets = [0, 1, 2, 4, 8];

    private const ulong Memory = 0x20_0000, Code32 = 0x28_0000, Code32End = 0x30_0000, Stack = 0x30_2000, Code64 = 0x2_0000_0000;
    private const int Middle = 0x400, ResultSize = 24;

    /// <summary>Runs rows.</summary>
    /// <param name="backend">Where.</param>
    /// <param name="bits">32 or 64.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="vendor">Vendor of the processor.</param>
    /// <param name="isOn">Whether CR0.AM is set.</param>
    /// <returns>For each row and offset the vector, its error code, and whether its frame points to the instruction.</returns>
    public static (int Vector, ulong Error, bool IsAtInstruction)[][] Run(
        Backend backend, int bits, IReadOnlyList<AlignmentRow> rows, GuestVendor vendor, bool isOn = true)
    {
        ulong results = 0;
        using TestMachine machine = TestMachine.Run(
            backend,
            b =>
            {
                results = b.Reserve(rows.Count * Offsets.Length * ResultSize);
                EmitSupervisor(b, bits, rows.Count, results, isOn);
                EmitUser(b, bits, rows);
            },
            vendor);
        ulong[] words = machine.Words(results, rows.Count * Offsets.Length * 3);
        return [.. rows.Select((_, row) => Offsets.Select((_, i) =>
        {
            int slot = (row * Offsets.Length) + i;
            return ((int)words[slot * 3], words[(slot * 3) + 1], words[(slot * 3) + 2] == machine.Image[Name("at", slot)]);
        }).ToArray())];
    }

    private static void EmitSupervisor(LongModeImageBuilder b, int bits, int rows, ulong results, bool isOn)
    {
        Assembler c = b.Code;
        for (ulong page = Memory; page < Memory + 0x2000; page += 0x1000)
        {
            b.Protect(page, PageFlags.Data | PageFlags.User);
        }

        b.Protect(Stack - 8, PageFlags.Data | PageFlags.User);
        if (isOn)
        {
            c.mov(rax, cr0);
            c.or(eax, 1 << 18);
            c.mov(cr0, rax);
        }

        for (int slot = 0; slot < rows * Offsets.Length; slot++)
        {
            b.ExpectException(Name("back", slot));
            b.EnterUser(Name("enter", slot), Stack, bits == 64 ? LongModeSelectors.UserCode : LongModeSelectors.UserCode32);
            b.Define(Name("back", slot));
            b.LoadRecordAddress();
            c.mov(eax, __dword_ptr[rcx + ExceptionRecord.VectorOffset]);
            c.mov(__qword_ptr[results + (ulong)(slot * ResultSize)], rax);
            c.mov(rax, __qword_ptr[rcx + ExceptionRecord.ErrorOffset]);
            c.mov(__qword_ptr[results + (ulong)(slot * ResultSize) + 8], rax);
            c.mov(rax, __qword_ptr[rcx + ExceptionRecord.RipOffset]);
            c.mov(__qword_ptr[results + (ulong)(slot * ResultSize) + 16], rax);
        }

        b.Exit(0);
    }

    private static void EmitUser(LongModeImageBuilder b, int bits, IReadOnlyList<AlignmentRow> rows)
    {
        Assembler c;
        Action<string> define;
        if (bits == 64)
        {
            b.At(Code64, PageFlags.Code | PageFlags.User);
            (c, define) = (b.Code, b.Define);
        }
        else
        {
            for (ulong page = Code32; page < Code32End; page += 0x1000)
            {
                b.Protect(page, PageFlags.Code | PageFlags.User);
            }

            CodeEmitter emitter = b.Code32At(Code32, PageFlags.Code | PageFlags.User);
            (c, define) = (emitter.Code, emitter.Define);
        }

        for (int slot = 0; slot < rows.Count * Offsets.Length; slot++)
        {
            AlignmentRow row = rows[slot / Offsets.Length];
            define(Name("enter", slot));
            c.mov(eax, LongModeSelectors.UserData);
            c.mov(ds, eax);
            c.mov(es, eax);
            c.fninit();
            c.xor(eax, eax);
            c.mov(edi, (uint)Memory);
            c.mov(ecx, 0x200);
            c.rep.stosd();
            c.mov(esi, (uint)(Memory + Middle) + (uint)Offsets[slot % Offsets.Length]);
            c.mov(edi, (uint)(Memory + (2 * Middle)));
            row.Before?.Invoke(c);
            SetAlignmentCheck(c);
            if (row.IsOnStack)
            {
                c.mov(esp, esi);
            }

            define(Name("at", slot));
            row.Emit(c);
            c.ud2();
        }
    }

    private static void SetAlignmentCheck(Assembler c)
    {
        const int Alignment = 1 << 18;
        if (c.Bitness == 64)
        {
            c.pushfq();
            c.or(__dword_ptr[rsp], Alignment);
            c.popfq();
            return;
        }

        c.pushfd();
        c.or(__dword_ptr[esp], Alignment);
        c.popfd();
    }

    private static string Name(string what, int slot) => string.Create(CultureInfo.InvariantCulture, $"{what}{slot}");
}
