using System.Buffers.Binary;
using Hyperpatch.Engine.Guests.Images;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Guests.Loading;

/// <summary>Image files as linkers and assemblers make them.</summary>
internal static class ImageFiles
{
    public const ulong Address = 0x10_0000;

    /// <summary>Where the program header of <see cref="Elf64"/> and <see cref="Elf32"/> is.</summary>
    public const int ProgramHeader64 = 64;

    public const int ProgramHeader32 = 52;

    /// <summary>Machine code.</summary>
    public static byte[] Code(int bits, ulong origin, Action<Assembler> emit)
    {
        var emitter = new CodeEmitter(bits, origin);
        emit(emitter.Code);
        return emitter.Encode(new Dictionary<string, ulong>())[0].Bytes;
    }

    /// <summary>Makes a hypercall in AMD's form and ends with status 1 where it gave 0, else 3.</summary>
    public static void CallAndExit(Assembler c)
    {
        c.mov(eax, 1);
        c.vmmcall();
        c.neg(eax);
        c.sbb(eax, eax);
        c.and(eax, 1);
        c.@out(0xF4, al);
        c.hlt();
    }

    /// <summary>Prints the text at ESI and ends with status 1.</summary>
    public static void PrintAndExit(Assembler c)
    {
        Label next = c.CreateLabel(), end = c.CreateLabel();
        c.mov(dx, 0x3F8);
        c.Label(ref next);
        c.lodsb();
        c.test(al, al);
        c.je(end);
        c.@out(dx, al);
        c.jmp(next);
        c.Label(ref end);
        c.xor(eax, eax);
        c.@out(0xF4, al);
        c.hlt();
    }

    /// <summary>A static 64-bit executable with one segment, code behind its headers, linked where it is loaded or at another address.</summary>
    public static byte[] Elf64(byte[] code, ulong address = Address, ulong zeros = 0x1000, ulong? linear = null)
    {
        const int Headers = ProgramHeader64 + 56;
        byte[] file = new byte[Headers + code.Length];
        "\u007fELF"u8.CopyTo(file);
        (file[4], file[5], file[6]) = (2, 1, 1);
        Put16(file, 16, 2);
        Put16(file, 18, 62);
        Put32(file, 20, 1);
        Put64(file, 24, linear ?? address);
        Put64(file, 32, ProgramHeader64);
        Put16(file, 52, 64);
        Put16(file, 54, 56);
        Put16(file, 56, 1);
        Put32(file, ProgramHeader64, 1);
        Put32(file, ProgramHeader64 + 4, 5);
        Put64(file, ProgramHeader64 + 8, Headers);
        Put64(file, ProgramHeader64 + 16, linear ?? address);
        Put64(file, ProgramHeader64 + 24, address);
        Put64(file, ProgramHeader64 + 32, (ulong)code.Length);
        Put64(file, ProgramHeader64 + 40, (ulong)code.Length + zeros);
        code.CopyTo(file, Headers);
        return file;
    }

    /// <summary>A 32-bit executable with a Multiboot header in front of its code, linked 3 GiB above where it is loaded.</summary>
    public static byte[] Elf32(byte[] code, uint flags = 3)
    {
        const int Headers = ProgramHeader32 + 32;
        const uint High = 0xC000_0000;
        byte[] file = new byte[Headers + 12 + code.Length];
        "\u007fELF"u8.CopyTo(file);
        (file[4], file[5], file[6]) = (1, 1, 1);
        Put16(file, 16, 2);
        Put16(file, 18, 3);
        Put32(file, 20, 1);
        Put32(file, 24, High + (uint)Address + 12);
        Put32(file, 28, ProgramHeader32);
        Put16(file, 40, 52);
        Put16(file, 42, 32);
        Put16(file, 44, 1);
        Put32(file, ProgramHeader32, 1);
        Put32(file, ProgramHeader32 + 4, Headers);
        Put32(file, ProgramHeader32 + 8, High + (uint)Address);
        Put32(file, ProgramHeader32 + 12, (uint)Address);
        Put32(file, ProgramHeader32 + 16, (uint)(12 + code.Length));
        Put32(file, ProgramHeader32 + 20, (uint)(12 + code.Length + 0x100));
        Put32(file, ProgramHeader32 + 24, 7);
        PutMultiboot(file, Headers, flags);
        code.CopyTo(file, Headers + 12);
        return file;
    }

    /// <summary>An image whose Multiboot header (at offset 8) says itself where it goes.</summary>
    public static byte[] MultibootByAddresses(byte[] code)
    {
        byte[] file = new byte[40 + code.Length];
        PutMultiboot(file, 8, 0x1_0000);
        Put32(file, 20, (uint)Address + 8);
        Put32(file, 24, (uint)Address);
        Put32(file, 28, 0);
        Put32(file, 32, (uint)Address + 0x2000);
        Put32(file, 36, (uint)Address + 40);
        code.CopyTo(file, 40);
        return file;
    }

    public static void PutMultiboot(byte[] file, int at, uint flags)
    {
        Put32(file, at, 0x1BADB002);
        Put32(file, at + 4, flags);
        Put32(file, at + 8, unchecked(0 - (0x1BADB002 + flags)));
    }

    public static void Put16(byte[] file, int at, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(at), value);

    public static void Put32(byte[] file, int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(at), value);

    public static void Put64(byte[] file, int at, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(at), value);
}
