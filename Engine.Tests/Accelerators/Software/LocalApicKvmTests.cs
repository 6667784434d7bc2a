using System.Buffers.Binary;
using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Accelerators.Software.Apic;
using Hyperpatch.Engine.Guests.Images;
using Hyperpatch.Engine.Memory;
using Hyperpatch.Engine.Tests.Support;
using Hyperpatch.Engine.Vendors;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>The same register accesses on KVM's local APIC and on ours.</summary>
/// <remarks>
/// Left out is what the two do differently. KVM raises no #GP for reserved bits of TPR, EOI, SVR, LVT entries and the divide
/// configuration, and drops them; it does not detect illegal vectors (SDM vol. 3, "Error Handling"); it keeps the registers when IA32_APIC_BASE disables
/// the APIC; its processor 0 starts with LINT0 for an external controller, not masked.
/// </remarks>
public sealed class LocalApicKvmTests
{
    private const int Read = 0;
    private const int Write = 1;
    private const int Window = 2;
    private const int OperationSize = 24;

    private static readonly uint[] s_readable =
    [
        0x802, 0x803, 0x808, 0x80A, 0x80D, 0x80F, 0x828, 0x830, 0x832, 0x833, 0x834, 0x835, 0x836, 0x837, 0x838, 0x83E, 0x1B,
        0x811, 0x812, 0x813, 0x815, 0x817, 0x819, 0x81A, 0x81B, 0x81D, 0x81F, 0x821, 0x822, 0x823, 0x825, 0x827,
        // Not there, or only to be written. 0x809, 0x80C and 0x80E are left out: what KVM does with them depends on its version.
        0x80B, 0x83F, 0x800, 0x801, 0x804, 0x831, 0x83A,
    ];

    // A KVM was seen that acknowledges interrupts without ever setting ISR, and whose PPR is TPR alone. The manual is against it ("Interrupt
    // Acceptance for Fixed Interrupts"): there, only what does not depend on interrupts in service is compared.
    private static readonly Lazy<bool> s_hasInService = new(() =>
        RunOnKvm([(Write, 0x83F, 0x41), (Window, 0, 1), (Read, 0x812, 0)])[^1].Value == 2);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Random_accesses(int seed)
    {
        List<(int Kind, uint Msr, ulong Value)> operations =
        [
            // Masked, with modes that neither side starts with.
            (Write, 0x835, 0x1_0040), (Write, 0x836, 0x1_0041), (Write, 0x833, 0x1_0042), (Write, 0x834, 0x1_0043),
            (Write, 0x837, 0x1_0044), (Write, 0x832, 0x1_0045), (Write, 0x83E, 0xB),
        ];
        Random random = new(seed);
        for (int i = 0; i < 3000; i++)
        {
            (int Kind, uint Msr, ulong Value) operation = Next(random);
            if (operation.Kind != Window || s_hasInService.Value)
            {
                operations.Add(operation);
            }
        }

        Compare(operations, s_readable, $"seed {seed}");
    }

    [Fact]
    public void Reserved_accesses_and_transitions()
    {
        const ulong Base = 0xFEE0_0100;
        List<(int Kind, uint Msr, ulong Value)> operations =
        [
            (Write, 0x828, 1), (Write, 0x802, 0), (Write, 0x803, 0), (Write, 0x80A, 0), (Write, 0x80D, 0),
            (Write, 0x810, 0), (Write, 0x820, 0), (Write, 0x839, 0), (Write, 0x831, 0), (Write, 0x830, 1 << 13),
            (Write, 0x830, 1 << 16), (Write, 0x830, 1 << 20), (Write, 0x83F, 0x141), (Write, 0x808, 1UL << 32), (Write, 0x838, 1UL << 32),
        ];
        foreach (ulong modes in (ulong[])[0x400, 0x800, 0xC00, 0x000, 0x400, 0xC00, 0x800, 0x400, 0x800, 0x000, 0x800, 0xC00, 0xE00, 0xC01])
        {
            operations.Add((Write, 0x1B, Base | modes));
            operations.Add((Read, 0x1B, 0));
            operations.Add((Read, 0x802, 0));
        }

        Compare(operations, [], "fixed");
    }

    /// <summary>A state of ours goes through KVM unchanged, and KVM's through ours.</summary>
    [Fact]
    public void States_are_exchanged()
    {
        bool hasInService = s_hasInService.Value;
        using GuestMemory memory = new(4 << 20);
        IAccelerator accelerator = Backend.Kvm.Open();
        using IPartition partition = accelerator.CreatePartition(memory, CpuVendor.Intel, accelerator.SelectLevel(CpuVendor.Intel));
        using IProcessor processor = partition.CreateProcessor(0);
        processor.BindToCurrentThread();
        ProcessorState first = processor.Save();

        ApicRig rig = new();
        rig.Apic.SetBase(first.System.ApicBase);
        rig.Apic.Restore(first.LocalApic.AsSpan());
        byte[] state = new byte[LocalApic.StateSize];
        rig.Apic.Save(state);
        AssertSame(first.LocalApic.AsSpan(), state, hasInService);

        rig = new ApicRig();
        LocalApicStateTests.Fill(rig, rig.Apic);
        // Stopped: KVM's time goes on while we look.
        rig.Write(0x838, 0);
        rig.Apic.Save(state);
        SystemRegisters system = first.System;
        system.ApicBase = rig.Apic.Base;
        processor.Restore(first with { System = system, LocalApic = [.. state] });
        AssertSame(state, processor.Save().LocalApic.AsSpan(), hasInService);
    }

    private static void AssertSame(ReadOnlySpan<byte> expected, ReadOnlySpan<byte> actual, bool hasInService)
    {
        for (int offset = 0; offset < LocalApic.StateSize; offset += 16)
        {
            uint wanted = BinaryPrimitives.ReadUInt32LittleEndian(expected[offset..]);
            uint found = BinaryPrimitives.ReadUInt32LittleEndian(actual[offset..]);
            Assert.True(wanted == found || (offset == 0xA0 && !hasInService), $"Register 0x{offset:X}: 0x{wanted:X} became 0x{found:X}.");
        }
    }

    private static (int Kind, uint Msr, ulong Value) Next(Random random)
    {
        uint vector = (uint)random.Next(0x20, 0x100);
        ulong modes = (ulong)random.Next(2) << 11;
        return random.Next(14) switch
        {
            0 => (Write, 0x808, (ulong)random.Next(0x100)),
            1 or 2 => (Write, 0x80B, 0),
            3 or 4 => (Window, 0, 0),
            5 => (Write, 0x83F, vector),
            // Fixed, to itself: by shorthands, id, logical id, or all; edge or level.
            6 => (Write, 0x830, vector | (1u << 18) | ((ulong)random.Next(4) << 14)),
            7 => (Write, 0x830, vector | ((ulong)random.Next(4) << 18)),
            8 => (Write, 0x830, vector | modes | ((ulong)random.Next(3) << 32)),
            9 => (Write, 0x830, vector | modes | (0xFFFF_FFFFUL << 32)),
            10 => (Write, 0x830, vector | 0x900 | ((ulong)random.Next(3) << 32)),
            // Seldom off, or nothing would come in.
            11 => (Write, 0x80F, vector | (random.Next(5) == 0 ? 0u : 0x100u) | ((ulong)random.Next(2) << 12)),
            12 => (Write, 0x832 + (uint)random.Next(6), vector | 0x1_0000),
            _ => (Read, s_readable[random.Next(s_readable.Length)], 0),
        };
    }

    private static void Compare(List<(int Kind, uint Msr, ulong Value)> operations, uint[] looks, string what)
    {
        // After each operation, some of what may have changed: PPR, and the others in turn.
        List<(int Kind, uint Msr, ulong Value)> all = [];
        for (int i = 0; i < operations.Count; i++)
        {
            all.Add(operations[i]);
            if (operations[i].Kind != Read && looks.Length != 0)
            {
                all.Add((Read, 0x80A, 0));
                all.Add((Read, looks[i % looks.Length], 0));
            }
        }

        (bool Fault, ulong Value)[] ours = RunHere(all);
        for (int i = 0; i < all.Count; i++)
        {
            if (all[i].Kind == Window)
            {
                all[i] = (Window, 0, ours[i].Value);
            }
        }

        (bool Fault, ulong Value)[] kvm = RunOnKvm(all);
        for (int i = 0; i < all.Count; i++)
        {
            Assert.True(
                kvm[i] == ours[i],
                $"{what}, operation {i} {Name(all[i])}: KVM {kvm[i]}, ours {ours[i]}. Before: "
                + string.Join("; ", all.Take(i).Where(o => o.Kind != Read).TakeLast(8).Select(Name)));
        }
    }

    private static string Name((int Kind, uint Msr, ulong Value) operation) => operation.Kind switch
    {
        Read => $"read 0x{operation.Msr:X}",
        Write => $"write 0x{operation.Msr:X} = 0x{operation.Value:X}",
        _ => "window",
    };

    private static (bool Fault, ulong Value)[] RunHere(List<(int Kind, uint Msr, ulong Value)> operations)
    {
        ApicRig rig = new(1, ApicMode.XApic);
        rig.Write(0x1B, rig.Apic.Base | 0xC00);
        rig.Write(0x80F, 0x100 | Vectors.Spurious);
        List<(bool, ulong)> results = [];
        foreach ((int kind, uint msr, ulong value) in operations)
        {
            ulong read = 0;
            bool isDone = true;
            switch (kind)
            {
                case Read:
                    isDone = rig.Apic.TryReadMsr(msr, out read);
                    break;
                case Write:
                    isDone = rig.Apic.TryWriteMsr(msr, value);
                    break;
                default:
                    read = (ulong)rig.TakeAll().Length;
                    break;
            }

            results.Add((!isDone, read));
        }

        return [.. results];
    }

    private static (bool Fault, ulong Value)[] RunOnKvm(List<(int Kind, uint Msr, ulong Value)> operations)
    {
        byte[] table = new byte[operations.Count * OperationSize];
        for (int i = 0; i < operations.Count; i++)
        {
            Span<byte> row = table.AsSpan(i * OperationSize);
            BinaryPrimitives.WriteInt64LittleEndian(row, operations[i].Kind);
            BinaryPrimitives.WriteUInt64LittleEndian(row[8..], operations[i].Msr);
            BinaryPrimitives.WriteUInt64LittleEndian(row[16..], operations[i].Value);
        }

        ulong results = 0;
        using TestMachine machine = TestMachine.Run(Backend.Kvm, b =>
        {
            results = b.Reserve(operations.Count * 16);
            for (int vector = 0x20; vector < 0x100; vector++)
            {
                b.Handle(vector, "interrupt");
            }

            Emit(b, b.Constant(table), results, operations.Count);
        });
        return [.. Enumerable.Range(0, operations.Count).Select(i =>
        {
            ulong[] pair = machine.Words(results + ((ulong)i * 16), 2);
            return (pair[0] != 0, pair[1]);
        })];
    }

    private static void Emit(LongModeImageBuilder b, ulong table, ulong results, int count)
    {
        Assembler c = b.Code;
        b.EnableLocalApic();
        c.mov(r8, table);
        c.mov(r9, results);
        c.mov(r10, count);
        b.Define("next");
        b.ExpectException("fault");
        c.xor(edi, edi);
        c.xor(esi, esi);
        c.mov(rbx, __qword_ptr[r8]);
        c.mov(ecx, __dword_ptr[r8 + 8]);
        c.cmp(rbx, Write);
        c.je(b.Symbol("write"));
        c.ja(b.Symbol("window"));
        c.rdmsr();
        c.shl(rdx, 32);
        c.lea(rsi, __[rax + rdx]);
        c.jmp(b.Symbol("done"));

        b.Define("write");
        c.mov(eax, __dword_ptr[r8 + 16]);
        c.mov(edx, __dword_ptr[r8 + 20]);
        c.wrmsr();
        c.jmp(b.Symbol("done"));

        b.Define("window");
        // HLT, because not every KVM interrupts a guest between any two instructions; and only for interrupts that are to come.
        c.mov(rbx, __qword_ptr[r8 + 16]);
        c.xor(r11d, r11d);
        b.Define("open");
        c.cli();
        c.mov(rsi, r11);
        c.cmp(r11, rbx);
        c.jae(b.Symbol("done"));
        c.sti();
        c.hlt();
        c.jmp(b.Symbol("open"));

        b.Define("fault");
        c.mov(edi, 1);
        b.Define("done");
        c.mov(__qword_ptr[r9], rdi);
        c.mov(__qword_ptr[r9 + 8], rsi);
        c.add(r8, OperationSize);
        c.add(r9, 16);
        c.dec(r10);
        c.jne(b.Symbol("next"));
        b.Exit(0);

        // No EOI: what was taken stays in service until the table says so.
        b.Define("interrupt");
        c.inc(r11);
        c.iretq();
    }
}
