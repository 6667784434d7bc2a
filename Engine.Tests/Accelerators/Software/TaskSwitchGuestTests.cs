using System.Buffers.Binary;
using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Guests;
using Hyperpatch.Engine.Guests.Images;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>A guest in 32-bit protected mode that switches to another task and back, in software and on KVM (Intel SDM vol. 3, 8.3).</summary>
public sealed class TaskSwitchGuestTests
{
    private const uint Gdt = 0x30000, MainTss = 0x31000, OtherTss = 0x32000, OtherCode = 0x8000, Idt = 0x2000, Record = LegacyImage.Data;
    private const int Stack16 = 0x18, Main = 0x20, Other = 0x28, Gate = 0x30, Vector = 0x1E, NestedTask = 0x4000, TaskSwitched = 8;

    /// <summary>Ways to the other task.</summary>
    public enum Way
    {
        /// <summary>JMP to its TSS.</summary>
        Jump,

        /// <summary>CALL of its TSS.</summary>
        Call,

        /// <summary>JMP through a task gate.</summary>
        JumpGate,

        /// <summary>CALL through a task gate.</summary>
        CallGate,

        /// <summary>INT through a task gate.</summary>
        Interrupt,

        /// <summary>A fault without an error code.</summary>
        Division,

        /// <summary>A fault with an error code.</summary>
        Protection,
    }

    public static MatrixTheoryData<Backend, Way, bool> Rows => new([Backend.Software, Backend.Kvm], Enum.GetValues<Way>(), [true, false]);

    [Theory, MemberData(nameof(Rows))]
    public void There_and_back(Backend backend, Way way, bool isWide)
    {
        GuestImage image = LegacyImage.Build(
            32,
            0,
            0x4000,
            emitter =>
            {
                EmitMain(emitter, way);
                emitter.At(OtherCode);
                EmitOther(emitter.Code, way, isWide);
            },
            new GuestSegment(Gdt, Tables(isWide)),
            new GuestSegment(MainTss, new byte[104]),
            new GuestSegment(OtherTss, OtherState(isWide)));
        using TestMachine machine = TestMachine.Create(backend, image, GuestVendor.Intel, PatchPolicy.Force);
        MachineExit exit = machine.RunToEnd();
        bool hasEntered = machine.Word(Record + (18 * 4)) >> 32 != 0;
        if (backend == Backend.Kvm && !hasEntered && (exit.Code == LegacyImage.ExceptionStatus || exit.Reason.Contains("cannot emulate", StringComparison.Ordinal)))
        {
            Assert.Skip($"This host's KVM runs 32-bit code in its emulator, which has no task switches: {exit.Reason}");
        }

        Assert.True(exit.Code == 1, machine.Describe());
        uint[] record = [.. machine.Words(Record, 16).SelectMany(word => (uint[])[(uint)word, (uint)(word >> 32)])];
        bool isNested = way is not (Way.Jump or Way.JumpGate);

        // In the other task: its registers, its segments, NT, TS, the task register, who is busy, the link.
        Assert.Equal([0xA0A0u, 0xC1C1, 0xD2D2, 0xB3B3, 0xB5B5, 0x5656, 0x7878], record[..7].Select(value => isWide ? value : (ushort)value));
        Assert.Equal(way == Way.Protection ? 0x6FF0u - (isWide ? 4u : 2) : 0x6FF0u, record[7] & 0xFFFF);
        Assert.Equal(isNested ? (uint)NestedTask : 0, record[8] & NestedTask);
        Assert.Equal(((uint)TaskSwitched, (uint)Other), (record[9] & TaskSwitched, record[10] & 0xFFFF));
        Assert.Equal((isNested ? 0x8Bu : 0x89, isWide ? 0x8Bu : 0x83), (record[11] & 0xFF, record[12] & 0xFF));
        Assert.Equal(isNested ? (uint)Main : 0, record[13] & 0xFFFF);
        Assert.Equal(way == Way.Protection ? 0xFF0u : 0, record[14]);
        Assert.Equal((0x10u, isWide ? 0x10u : Stack16), (record[15] & 0xFFFF, record[16] & 0xFFFF));

        // The main task as it was saved, and back in it.
        bool isFault = way is Way.Division or Way.Protection;
        uint length = isFault || way == Way.Interrupt ? 2u : 7;
        Assert.Equal((record[21] + (isFault ? 0 : length), 0x1111_2222u), (record[17], record[18]));
        Assert.Equal(0x8000_0000u | 0x55, record[19]);
        Assert.Equal(record[21] + length, record[20]);
        Assert.Equal((0x1111_2222u, 0x3333_4444u, (uint)Main), (record[22], record[23], record[24] & 0xFFFF));
        Assert.Equal((0x8Bu, isWide ? 0x89u : 0x81), (record[25] & 0xFF, record[26] & 0xFF));
        Assert.Equal(0u, record[27] & NestedTask);
    }

    private static void EmitMain(CodeEmitter emitter, Way way)
    {
        Assembler c = emitter.Code;
        // A pseudo-descriptor at the record's end.
        c.mov(__word_ptr[Record + 0x100], 0xFF);
        c.mov(__dword_ptr[Record + 0x102], Gdt);
        c.lgdt(__[Record + 0x100]);
        c.mov(eax, Main);
        c.ltr(ax);
        foreach (int vector in (int[])[Vector, 0, 13])
        {
            c.mov(__dword_ptr[Idt + (uint)(vector * 8)], Other << 16);
            c.mov(__dword_ptr[Idt + (uint)(vector * 8) + 4], 0x8500);
        }

        c.mov(eax, cr0);
        c.and(eax, ~TaskSwitched);
        c.mov(cr0, eax);
        c.mov(ebx, 0x1111_2222);
        c.mov(ebp, 0x3333_4444);
        // Where the instruction is, and what follows: by a call, whose return address is known.
        Label here = c.CreateLabel();
        c.call(here);
        c.Label(ref here);
        c.pop(esi);
        c.xor(ecx, ecx);
        c.mov(edx, 0xFF0);
        // From here: POP 1, XOR 2, MOV 5, this ADD 3, MOV 6 bytes.
        c.add(esi, 17);
        c.mov(__dword_ptr[Record + (21 * 4)], esi);
        byte[] instruction = way switch
        {
            Way.Jump => [0xEA, 0, 0, 0, 0, Other, 0],
            Way.Call => [0x9A, 0, 0, 0, 0, Other, 0],
            Way.JumpGate => [0xEA, 0, 0, 0, 0, Gate, 0],
            Way.CallGate => [0x9A, 0, 0, 0, 0, Gate, 0],
            Way.Interrupt => [0xCD, Vector],
            Way.Division => [0xF7, 0xF1], // DIV ECX
            _ => [0x8E, 0xE2], // MOV FS, EDX
        };
        c.db(instruction);
        c.add(esi, instruction.Length);
        c.mov(__dword_ptr[Record + (20 * 4)], esi);
        c.mov(__dword_ptr[Record + (22 * 4)], ebx);
        c.mov(__dword_ptr[Record + (23 * 4)], ebp);
        c.str(eax);
        c.mov(__dword_ptr[Record + (24 * 4)], eax);
        RecordBusy(c, 25);
        c.pushfd();
        c.pop(__dword_ptr[Record + (27 * 4)]);
        LegacyImage.Exit(c, 0);
    }

    private static void EmitOther(Assembler c, Way way, bool isWide)
    {
        AssemblerRegister32[] registers = [eax, ecx, edx, ebx, ebp, esi, edi, esp];
        for (uint i = 0; i < registers.Length; i++)
        {
            c.mov(__dword_ptr[Record + (i * 4)], registers[i]);
        }

        c.xor(eax, eax);
        if (way == Way.Protection)
        {
            if (isWide)
            {
                c.pop(eax);
            }
            else
            {
                c.pop(ax);
            }
        }

        c.mov(__dword_ptr[Record + (14 * 4)], eax);
        c.pushfd();
        c.pop(__dword_ptr[Record + (8 * 4)]);
        c.mov(eax, cr0);
        c.mov(__dword_ptr[Record + (9 * 4)], eax);
        c.str(eax);
        c.mov(__dword_ptr[Record + (10 * 4)], eax);
        RecordBusy(c, 11);
        c.movzx(eax, __word_ptr[OtherTss]);
        c.mov(__dword_ptr[Record + (13 * 4)], eax);
        c.mov(eax, ds);
        c.mov(__dword_ptr[Record + (15 * 4)], eax);
        c.mov(eax, ss);
        c.mov(__dword_ptr[Record + (16 * 4)], eax);
        c.mov(eax, __dword_ptr[MainTss + 32]);
        c.mov(__dword_ptr[Record + (17 * 4)], eax);
        c.mov(eax, __dword_ptr[MainTss + 52]);
        c.mov(__dword_ptr[Record + (18 * 4)], eax);
        c.mov(__dword_ptr[Record + (19 * 4)], 0x8000_0055);
        if (way is Way.Division or Way.Protection)
        {
            // Both faulting instructions are of two bytes.
            c.add(__dword_ptr[MainTss + 32], 2);
        }

        if (way is Way.Jump or Way.JumpGate)
        {
            c.db(0xEA, 0, 0, 0, 0, Main, 0);
        }
        else
        {
            c.iretd();
        }
    }

    private static void RecordBusy(Assembler c, uint index)
    {
        c.movzx(eax, __byte_ptr[Gdt + Main + 5]);
        c.mov(__dword_ptr[Record + (index * 4)], eax);
        c.movzx(eax, __byte_ptr[Gdt + Other + 5]);
        c.mov(__dword_ptr[Record + ((index + 1) * 4)], eax);
    }

    private static byte[] Tables(bool isWide)
    {
        ulong[] descriptors =
        [
            0, DescriptorTables.Segment(0, 0xFFFFF, 0x9B, 0xC), DescriptorTables.Segment(0, 0xFFFFF, 0x93, 0xC), DescriptorTables.Segment(0, 0xFFFF, 0x93, 0),
            DescriptorTables.Segment(MainTss, 103, 0x89, 0), DescriptorTables.Segment(OtherTss, 103, isWide ? (byte)0x89 : (byte)0x81, 0), ((ulong)Other << 16) | (0x85UL << 40),
        ];
        byte[] bytes = new byte[0x100];
        for (int i = 0; i < descriptors.Length; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(i * 8), descriptors[i]);
        }

        return bytes;
    }

    private static byte[] OtherState(bool isWide)
    {
        byte[] state = new byte[104];
        uint[] fields = [OtherCode, 2, 0xA0A0, 0xC1C1, 0xD2D2, 0xB3B3, 0x6FF0, 0xB5B5, 0x5656, 0x7878, 0x10, 0x08, isWide ? 0x10u : Stack16, 0x10];
        for (int i = 0; i < fields.Length; i++)
        {
            if (isWide)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(state.AsSpan(32 + (i * 4)), fields[i]);
            }
            else
            {
                BinaryPrimitives.WriteUInt16LittleEndian(state.AsSpan(14 + (i * 2)), (ushort)fields[i]);
            }
        }

        return state;
    }
}
