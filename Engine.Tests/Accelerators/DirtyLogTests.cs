using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Guests;
using Hyperpatch.Engine.Guests.Images;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Machine.PausePoints;
using Hyperpatch.Engine.Memory;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators;

/// <summary>The dirty log tells every page that was written, and no other.</summary>
[Collection(StressCollection.Name)]
public sealed class DirtyLogTests
{
    private const int PageSize = GuestMemory.PageSize;
    private const int Target = 0x200000;
    private const int T = Target / PageSize;
    private const int Site = 0x120000;
    private const int Marker = 0x7701;
    private const ulong Fresh = 0x4000_0000_0000;

    // What a write is made by, and the pages that it must leave in the log.
    private static readonly (string Name, int[] Pages)[] s_kinds =
    [
        ("nothing", []),
        ("read", []),
        ("mov", [T]),
        ("mov across pages", [T, T + 1]),
        ("rep stosb", [T, T + 1, T + 2]),
        ("rep movsq", [T + 1]),
        ("rep insb", [T]),
        ("lock xadd", [T]),
        ("lock cmpxchg", [T]),
        ("movaps", [T]),
        ("fxsave", [T]),
        ("push", [T + 2]),
        ("sgdt", [T]),
        ("exception frame", [T + 2]),
        ("page walk", []),
        ("into code", [(Site / PageSize) + 1]),
        ("clock pairing", [T]),
        ("patch", [Site / PageSize]),
        ("host", [T + 1, T + 2]),
    ];

    public static MatrixTheoryData<Backend, string> Kinds => Backends.With(s_kinds.Select(kind => kind.Name));

    public static MatrixTheoryData<Backend, int> Writers => Backends.With(2, 4);

    [Theory, MemberData(nameof(Kinds))]
    public void Each_kind_of_write_leaves_its_pages_and_no_others(Backend backend, string kind)
    {
        using TestMachine machine = TestMachine.Create(backend, b => Emit(b, kind));
        VirtualMachine m = machine.Machine;
        IDirtyLog log = StartAtMarker(machine);
        _ = Collect(m, log, 0);
        m.Run();
        if (kind == "host")
        {
            WaitPaused(machine);
            Assert.True(m.Memory.TryWrite(Target + 0x1FFE, [1, 2, 3, 4]));
        }
        else
        {
            WaitPaused(machine);
        }

        HashSet<int> found = [.. Collect(m, log, 0)];
        int[] expected = s_kinds.Single(one => one.Name == kind).Pages;
        Assert.Superset(expected.ToHashSet(), found);
        // Hypercalls push a frame on KVM, and translations set bits in the tables.
        const int Tables = (int)(LongModeLayout.PageTables / PageSize), EndOfTables = (int)(LongModeLayout.Pages / PageSize);
        const int Stack = (int)(LongModeLayout.Stacks / PageSize);
        Assert.DoesNotContain(found.Except(expected), page => page is not (>= Tables and < EndOfTables) and not (>= Stack and <= Stack + 1));
        Assert.True(kind != "page walk" || found.Any(page => page is >= Tables and < EndOfTables), "the accessed bits");
        Assert.Empty(Collect(m, log, 0));
    }

    [Theory, MemberData(nameof(Writers))]
    public void Copying_what_each_collection_tells_gives_the_guests_memory(Backend backend, int processors)
    {
        Random random = Seed.NewRandom();
        using TestMachine machine = TestMachine.Create(backend, b => EmitWriters(b, random), image: new LongModeOptions { Processors = processors });
        VirtualMachine m = machine.Machine;
        IDirtyLog log = Log(machine);
        m.Run();
        machine.WaitUntil(() => m.Processors.All(p => p.Journal.Count > 0), "all processors write");
        log.StartDirtyLog();
        byte[] copy = new byte[m.Memory.RamBytes];
        Assert.True(m.TryReadMemory(0, copy));
        using CancellationTokenSource end = new();
        byte[] some = new byte[8];
        int seed = random.Next();
        Thread host = new(() =>
        {
            Random own = new(seed);
            while (!end.IsCancellationRequested)
            {
                own.NextBytes(some);
                _ = m.Memory.TryWrite((ulong)own.Next(Target, Target + 0x40000), some);
                _ = m.Memory.TryCompareExchange((ulong)own.Next(Target, Target + 0x40000), some[0], some[1], out byte _);
            }
        });
        host.Start();
        int collections = 0, pages = 0;
        for (; collections < 60; collections++)
        {
            pages += CopyDirty(m, log, copy);
            Thread.Sleep(random.Next(0, 8));
        }

        end.Cancel();
        host.Join();
        Assert.Equal(MachineState.Running, m.State);
        m.Pause();
        pages += CopyDirty(m, log, copy);
        byte[] memory = new byte[copy.Length];
        Assert.True(m.TryReadMemory(0, memory));
        int[] lost = [.. Enumerable.Range(0, memory.Length / PageSize).Where(page => !memory.AsSpan(page * PageSize, PageSize).SequenceEqual(copy.AsSpan(page * PageSize, PageSize)))];
        Assert.Empty(lost);
        Assert.True(pages > 100, $"{pages} dirty pages");
        log.StopDirtyLog();
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Without_a_log_nothing_is_collected_and_a_new_one_begins_empty(Backend backend)
    {
        using TestMachine machine = TestMachine.Create(backend, b => Emit(b, "mov"));
        VirtualMachine m = machine.Machine;
        m.AddPausePoint(new PausePointOptions { Kind = PausePointKind.Hypercall, Number = Marker });
        IDirtyLog log = Log(machine);
        Assert.True(m.Memory.TryWrite(Target, [1]));
        Assert.Empty(Collect(m, log, 0));
        log.StartDirtyLog();
        log.StartDirtyLog();
        Assert.True(m.Memory.TryWrite(Target, [1]));
        log.StopDirtyLog();
        RunToMarker(machine);
        Assert.Empty(Collect(m, log, 0));
        log.StartDirtyLog();
        Assert.Empty(Collect(m, log, 0));
        m.Run();
        WaitPaused(machine);
        Assert.Contains(T, Collect(m, log, 0));
        log.StopDirtyLog();
        log.StopDirtyLog();
        machine.RunToEnd(expected: 1);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Rom_is_never_dirty(Backend backend)
    {
        const ulong Rom = 0xF000_0000;
        using TestMachine machine = TestMachine.Create(
            backend,
            b => EmitStoreTo(b, Rom),
            rom: [new GuestSegment(Rom, new byte[] { 1, 2, 3, 4 })]);
        VirtualMachine m = machine.Machine;
        IDirtyLog log = StartAtMarker(machine);
        m.Run();
        WaitPaused(machine);
        Assert.Empty(Collect(m, log, 1));
        Assert.False(m.Memory.TryWrite(Rom, [9]));
        Assert.Empty(Collect(m, log, 1));
        Span<byte> bytes = stackalloc byte[4];
        Assert.True(m.TryReadMemory(Rom, bytes));
        Assert.Equal([1, 2, 3, 4], bytes.ToArray());
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Memory_above_the_hole_has_a_region_and_a_log_of_its_own(Backend backend)
    {
        const int MiB = 3072 + 2;
        Assert.SkipWhen(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes >> 20 < MiB, $"This host has less than {MiB} MiB of memory.");
        const ulong High = 0x1_0000_0000;
        using TestMachine machine = TestMachine.Create(
            backend,
            b => EmitStoreTo(b, High + 0x3000),
            options: new VirtualMachineOptions { MemoryMiB = MiB });
        VirtualMachine m = machine.Machine;
        Assert.Equal([(0UL, 0xC000_0000UL), (High, 0x20_0000UL)], m.Memory.Regions.Select(region => (region.GuestAddress, region.Length)));
        IDirtyLog log = StartAtMarker(machine);
        _ = Collect(m, log, 0);
        Assert.Empty(Collect(m, log, 1));
        m.Run();
        WaitPaused(machine);
        Assert.True(m.Memory.TryWrite(High + 0x1F_FFF8, new byte[8]));
        Assert.True(m.Memory.TryWrite(0xBFFF_F000, new byte[8]));
        Assert.Equal([3, 511], Collect(m, log, 1));
        Assert.Contains(0xBFFFF, Collect(m, log, 0));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void A_reset_makes_all_of_memory_dirty(Backend backend)
    {
        using GuestMemory memory = new(1 << 20);
        using IPartition partition = backend.Open().CreatePartition(memory, GuestVendor.Intel.Cpu(), InterceptionLevel.Trap);
        IDirtyLog log = Assert.IsType<IDirtyLog>(partition, exactMatch: false);
        log.StartDirtyLog();
        memory.Clear();
        ulong[] bitmap = new ulong[memory.Regions[0].BitmapLength];
        log.CollectDirtyPages(0, bitmap);
        Assert.All(bitmap, word => Assert.Equal(ulong.MaxValue, word));

        // One log at a time; it ends with its partition.
        using (IPartition other = backend.Open().CreatePartition(memory, GuestVendor.Amd.Cpu(), InterceptionLevel.Trap))
        {
            Assert.Throws<AcceleratorException>(((IDirtyLog)other).StartDirtyLog);
            partition.Dispose();
            ((IDirtyLog)other).StartDirtyLog();
        }
    }

    // A log that has begun, and the guest paused at its first marker, which each of its markers is a point for.
    private static IDirtyLog StartAtMarker(TestMachine machine)
    {
        machine.Machine.AddPausePoint(new PausePointOptions { Kind = PausePointKind.Hypercall, Number = Marker });
        IDirtyLog log = Log(machine);
        log.StartDirtyLog();
        RunToMarker(machine);
        return log;
    }

    // Between two markers, a store to a page at a physical address.
    private static void EmitStoreTo(LongModeImageBuilder b, ulong physical)
    {
        Mark(b);
        b.Code.mov(rdx, Fresh);
        b.Code.mov(__dword_ptr[rdx], 5);
        Mark(b);
        b.Exit(0);
        b.Map(Fresh, physical, PageFlags.Data);
    }

    private static IDirtyLog Log(TestMachine machine) =>
        Assert.IsType<IDirtyLog>(machine.Machine.Processors[0].Context.Partition, exactMatch: false);

    private static int[] Collect(VirtualMachine machine, IDirtyLog log, int region)
    {
        ulong[] bitmap = new ulong[machine.Memory.Regions[region].BitmapLength];
        Array.Fill(bitmap, ulong.MaxValue);
        log.CollectDirtyPages(region, bitmap);
        return [.. Enumerable.Range(0, bitmap.Length * 64).Where(page => (bitmap[page / 64] >> (page % 64) & 1) != 0)];
    }

    private static int CopyDirty(VirtualMachine machine, IDirtyLog log, byte[] copy)
    {
        int[] pages = Collect(machine, log, 0);
        foreach (int page in pages)
        {
            Assert.True(machine.TryReadMemory((ulong)page * PageSize, copy.AsSpan(page * PageSize, PageSize)));
        }

        return pages.Length;
    }

    private static void RunToMarker(TestMachine machine)
    {
        machine.Machine.Run();
        WaitPaused(machine);
    }

    private static void WaitPaused(TestMachine machine)
    {
        machine.WaitUntil(() => machine.Machine.State == MachineState.Paused, "the marker");
        machine.Machine.Pause();
    }

    private static void Mark(LongModeImageBuilder b)
    {
        b.Code.mov(eax, Marker);
        b.Code.vmcall();
    }

    // What comes before the first marker has been done before; between the two is the write.
    private static void Emit(LongModeImageBuilder b, string kind)
    {
        Assembler c = b.Code;
        b.Handle(6, "skip");
        b.MapNew(Fresh, 1, PageFlags.Data);
        c.mov(r15, rsp);
        c.mov(r14d, Target);
        c.mov(eax, Site + PageSize);
        c.call(rax);
        Mark(b);
        switch (kind)
        {
            case "read":
                c.mov(rax, __qword_ptr[r14]);
                c.lea(rsi, __[r14]);
                c.mov(ecx, 100);
                c.rep.lodsb();
                break;
            case "mov":
                c.mov(__byte_ptr[r14 + 5], al);
                break;
            case "mov across pages":
                c.mov(__qword_ptr[r14 + 0xFFC], r14);
                break;
            case "rep stosb":
                c.lea(rdi, __[r14 + 0x800]);
                c.mov(ecx, 0x2000);
                c.mov(al, 0x5A);
                c.rep.stosb();
                break;
            case "rep movsq":
                c.mov(esi, (int)LongModeLayout.Data);
                c.lea(rdi, __[r14 + 0x1000]);
                c.mov(ecx, 0x40);
                c.rep.movsq();
                break;
            case "rep insb":
                c.lea(rdi, __[r14 + 0x10]);
                c.mov(dx, 0x80);
                c.mov(ecx, 5);
                c.rep.insb();
                break;
            case "lock xadd":
                c.@lock.xadd(__qword_ptr[r14 + 8], r14);
                break;
            case "lock cmpxchg":
                c.xor(eax, eax);
                c.@lock.cmpxchg(__dword_ptr[r14 + 8], r14d);
                break;
            case "movaps":
                c.movaps(__xmmword_ptr[r14 + 16], xmm0);
                break;
            case "fxsave":
                c.fxsave(__[r14 + 0x200]);
                break;
            case "push":
                c.lea(rsp, __[r14 + 0x2008]);
                c.push(r14);
                c.mov(rsp, r15);
                break;
            case "sgdt":
                c.sgdt(__[r14 + 3]);
                break;
            case "exception frame":
                c.lea(rsp, __[r14 + 0x3000]);
                c.ud2();
                c.mov(rsp, r15);
                break;
            case "page walk":
                c.mov(rdx, Fresh);
                c.mov(rax, __qword_ptr[rdx]);
                break;
            case "into code":
                c.mov(__byte_ptr[Site + PageSize + 1], 0x90);
                break;
            case "clock pairing":
                c.mov(eax, 9);
                c.lea(rbx, __[r14 + 0x10]);
                c.xor(ecx, ecx);
                c.vmcall();
                break;
            case "patch":
                c.mov(edx, Site);
                c.mov(eax, 0x1234);
                c.call(rdx);
                break;
        }

        Mark(b);
        b.Exit(0);
        b.Define("skip");
        c.add(__qword_ptr[rsp], 2);
        c.iretq();
        b.At(Site, PageFlags.Code);
        c.vmmcall();
        c.ret();
        b.At(Site + PageSize, PageFlags.Code);
        c.ret();
        c.nop();
    }

    // Each processor writes at random places of 64 pages, in several ways, without an end.
    private static void EmitWriters(LongModeImageBuilder b, Random random)
    {
        Assembler c = b.Code;
        c.mov(r8, random.NextInt64());
        c.imul(rdi, rdi, 0x1234567);
        c.add(r8, rdi);
        c.mov(r9, 0x5851_F42D_4C95_7F2DUL);
        c.mov(r14d, Target);
        c.@out(0x80, al);
        b.Define("loop");
        c.imul(r8, r9);
        c.add(r8, 12345);
        c.mov(rax, r8);
        c.shr(rax, 30);
        c.and(eax, 0x3FFFF);
        c.add(rax, r14);
        c.bt(r8, 60);
        c.jc(b.Symbol("other"));
        c.mov(__qword_ptr[rax], r8);
        c.jmp(b.Symbol("loop"));
        b.Define("other");
        c.bt(r8, 61);
        c.jc(b.Symbol("string"));
        c.and(rax, -8);
        c.mov(rbx, r8);
        c.@lock.xadd(__qword_ptr[rax], rbx);
        c.jmp(b.Symbol("loop"));
        b.Define("string");
        c.mov(rdi, rax);
        c.mov(rax, r8);
        c.mov(ecx, 21);
        c.rep.stosq();
        c.jmp(b.Symbol("loop"));
    }
}
