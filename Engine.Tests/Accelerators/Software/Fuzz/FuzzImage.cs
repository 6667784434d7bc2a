using System.Buffers.Binary;
using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Guests;

namespace Hyperpatch.Engine.Tests.Accelerators.Software.Fuzz;

/// <summary>A guest's memory: descriptor tables, page tables and code that are right at first, and then are not.</summary>
internal sealed class FuzzImage(Random random, FuzzMode mode)
{
    public const int Size = 0x40_0000;
    private const int Gdt = 0x1000, Idt = 0x2000, Tss = 0x3000, Ldt = 0x4000, Tables = 0x6000, TablesEnd = 0x10000;
    private const int Code = 0x10000, CodeSize = 0x4000, Stack = 0x38000;
    private const ulong Present = 0x8000_0000_0000UL;
    private readonly byte[] _bytes = new byte[Size];

    /// <summary>All of it.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;

    private int GateSize => mode == FuzzMode.Long ? 16 : 8;

    /// <summary>Makes the memory's content.</summary>
    /// <param name="mutations">Changes to the tables.</param>
    /// <returns>How the processor starts.</returns>
    public ProcessorStart Make(int mutations)
    {
        FuzzCode.Fill(random, _bytes.AsSpan(Code, CodeSize));
        random.NextBytes(_bytes.AsSpan(0x20000, 0x20000));
        if (mode == FuzzMode.Real)
        {
            for (int vector = 0; vector < 256; vector++)
            {
                Put32(vector * 4, ((uint)(Code >> 4) << 16) | (uint)random.Next(CodeSize));
            }
        }

        MakeDescriptors(Gdt, 64);
        MakeDescriptors(Ldt, 16);
        MakeGates();
        MakeTask();
        ulong root = MakePages();
        for (int i = 0; i < mutations; i++)
        {
            Mutate();
        }

        return new ProcessorStart
        {
            Mode = mode switch { FuzzMode.Real => GuestMode.Real, FuzzMode.Long => GuestMode.Long, _ => GuestMode.Protected },
            Rip = (ulong)(mode == FuzzMode.Real ? 0 : Code) + (ulong)random.Next(CodeSize),
            Rsp = (ulong)(mode == FuzzMode.Real ? 0x8000 : Stack) + (ulong)random.Next(-4, 5),
            CodeSelector = (ushort)(mode == FuzzMode.Real ? Code >> 4 : mode == FuzzMode.Long ? 0x08 : 0x30),
            DataSelector = (ushort)(mode == FuzzMode.Real ? random.Next(0x4000) : 0x10),
            Gdt = new DescriptorTable(Gdt, 0x1FF),
            Idt = mode == FuzzMode.Real ? new DescriptorTable(0, 0x3FF) : new DescriptorTable(Idt, (ushort)((256 * GateSize) - 1)),
            TaskSelector = 0x40,
            TaskBase = Tss,
            TaskLimit = 0x100,
            Cr3 = root,
            Cr4Set = Cr4(),
            EferSet = (ulong)random.Next(2),
            Rflags = (ulong)random.NextInt64() & 0x24_7ED5 & ~(random.Next(4) == 0 ? 0UL : 0x100),
            Rdi = Value(),
            Rsi = Value(),
        };
    }

    /// <summary>A register's value: often an address where something is, or its edge.</summary>
    public ulong Value() => random.Next(12) switch
    {
        0 => (ulong)random.NextInt64() ^ ((ulong)random.Next() << 40),
        1 => 0xFEE0_0000 + (ulong)random.Next(0x1000),
        2 => Size - (ulong)random.Next(20),
        3 => 0UL - (ulong)random.Next(20),
        4 => 0x7FFF_FFFF_FFFF - (ulong)random.Next(20),
        5 => 0xFFFF_FFFF - (ulong)random.Next(20),
        6 => (ulong)(Gdt + random.Next(0x5000)),
        7 => (ulong)(Tables + random.Next(TablesEnd - Tables)),
        8 => (ulong)(Code + random.Next(CodeSize)),
        9 => (ulong)random.Next(256),
        10 => 0xC000_0080 + (ulong)random.Next(8),
        _ => 0x2_0000 + (ulong)random.Next(0x1_8000),
    };

    private ulong Cr4()
    {
        ulong value = mode is FuzzMode.Pae ? 0x20UL : mode == FuzzMode.Legacy ? 0x10UL : 0;
        // UMIP, FSGSBASE, SMEP, SMAP, TSD, DE.
        return value | ((ulong)random.NextInt64() & 0x31_080C);
    }

    private void MakeDescriptors(int at, int count)
    {
        ulong[] known =
        [
            0, 0x00AF_9B00_0000_FFFF, 0x00CF_9300_0000_FFFF, 0x00CF_FB00_0000_FFFF, 0x00CF_F300_0000_FFFF, 0x00AF_FB00_0000_FFFF,
            0x00CF_9B00_0000_FFFF, 0x00AF_9F00_0000_FFFF, System(0x89, Tss, 0x100), 0, System(0x82, Ldt, 0x7F), 0,
            Gate(0xEC, mode == FuzzMode.Long ? 0x08 : 0x30), 0, 0x0000_9B00_0000_FFFF | (Code << 16), 0x00CF_9700_0000_0FFF,
            System(0xE1, Tss, 0x100), System(0xE5, 0, 0), Gate(0xE4, 0x30), 0x000F_9300_0000_FFFF,
        ];
        for (int i = 0; i < count; i++)
        {
            ulong value = i < known.Length ? known[i] : (known[random.Next(known.Length)] & ~(0xFFUL << 40)) | ((ulong)random.Next(256) << 40);
            Put64(at + (i * 8), value);
        }
    }

    private void MakeGates()
    {
        for (int vector = 0; vector < 256; vector++)
        {
            int type = 0x8E | random.Next(2) | (random.Next(2) * 0x60);
            int at = Idt + (vector * GateSize);
            ulong gate = Gate(type, mode == FuzzMode.Long ? 0x08 : 0x30);
            Put64(at, mode == FuzzMode.Long ? gate | ((ulong)random.Next(4) << 32) : gate);
            if (mode == FuzzMode.Long)
            {
                Put64(at + 8, 0);
            }
        }
    }

    private void MakeTask()
    {
        for (int at = 4; at < 100; at += 8)
        {
            Put64(Tss + at, mode == FuzzMode.Long ? (ulong)(Stack - random.Next(64)) : ((0x10UL << 32) | Stack));
        }

        Put32(Tss + 100, 0x68_0000);
        random.NextBytes(_bytes.AsSpan(Tss + 0x68, 0x98));
    }

    private ulong MakePages()
    {
        const ulong User = 7;
        switch (mode)
        {
            case FuzzMode.Long:
                Put64(Tables, (Tables + 0x1000) | User);
                Put64(Tables + 0x1000, (Tables + 0x2000) | User);
                Put64(Tables + 0x1018, (Tables + 0x3000) | User);
                MakeLeaves(Tables + 0x2000, Tables + 0x4000);
                Put64(Tables + 0x3000 + (0x1F7 * 8), 0xFEE0_0000 | User | 0x80);
                return Tables;
            case FuzzMode.Pae:
                Put64(Tables, (Tables + 0x2000) | 1);
                Put64(Tables + 24, (Tables + 0x3000) | 1);
                MakeLeaves(Tables + 0x2000, Tables + 0x4000);
                Put64(Tables + 0x3000 + (0x1F7 * 8), 0xFEE0_0000 | User | 0x80);
                return Tables;
            case FuzzMode.Legacy:
                Put32(Tables, (Tables + 0x1000) | (uint)User);
                Put32(Tables + (0x3FB * 4), 0xFEC0_0000 | (uint)User | 0x80);
                for (uint page = 0; page < 1024; page++)
                {
                    Put32((int)(Tables + 0x1000 + (page * 4)), (page << 12) | (uint)User);
                }

                return Tables;
            default:
                return 0;
        }
    }

    // 2 MiB in small pages, 2 MiB in one.
    private void MakeLeaves(int directory, int table)
    {
        Put64(directory, (ulong)table | 7);
        Put64(directory + 8, 0x20_0087);
        for (int page = 0; page < 512; page++)
        {
            Put64(table + (page * 8), ((ulong)page << 12) | 7);
        }
    }

    private void Mutate()
    {
        int at = random.Next(4) == 0 ? Tables + random.Next((TablesEnd - Tables) / 8 * 8) : Gdt + random.Next(0x4000);
        at &= ~7;
        ulong value = BinaryPrimitives.ReadUInt64LittleEndian(_bytes.AsSpan(at));
        Put64(at, random.Next(5) switch
        {
            0 => value ^ (1UL << random.Next(64)),
            1 => value ^ (1UL << random.Next(12)),
            2 => value ^ ((ulong)random.Next(256) << 40),
            3 => (ulong)random.NextInt64() ^ ((ulong)random.Next() << 40),
            _ => (value & 0xFFF) | (Value() & ~0xFFFUL),
        });
    }

    private static ulong System(int access, ulong start, ulong limit) => limit | (start << 16) | ((ulong)access << 40);

    private ulong Gate(int access, int selector)
    {
        ulong target = (ulong)(Code + random.Next(CodeSize));
        return (target & 0xFFFF) | ((ulong)selector << 16) | ((ulong)access << 40) | ((target >> 16) << 48) | Present;
    }

    private void Put32(int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(at), value);

    private void Put64(int at, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(_bytes.AsSpan(at), value);
}
