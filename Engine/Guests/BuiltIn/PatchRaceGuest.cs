using System.Buffers.Binary;
using System.Globalization;
using Hyperpatch.Engine.Guests.Images;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Guests.BuiltIn;

/// <summary>All processors run into the same unpatched sites at the same moment.</summary>
internal sealed class PatchRaceGuest : CatalogueGuest
{
    private const ulong PlainSites = LongModeLayout.Text + 0x4000;
    private const ulong PageSites = LongModeLayout.Text + 0x20000;
    private const int TableEntry = 24;

    /// <inheritdoc/>
    public override string Name => "patch-race";

    /// <inheritdoc/>
    public override string Description =>
        "Releases all processors at once onto the same hypercall sites, some across a cache line or a page, and checks every result.";

    /// <inheritdoc/>
    public override int DefaultProcessors => 4;

    /// <inheritdoc/>
    public override string CommandLineHelp =>
        "sites=N: 1 to 256 (default 64). rounds=N: 0 for ever, to 1000000000 (default 200), then the machine ends, status 1: all results right, "
        + "3: not. restore=on: the guest puts the sites back into their first form before each round, so that every round is a race (default off).";

    /// <inheritdoc/>
    protected override Func<GuestImage> Prepare(int processors, GuestCommandLine words)
    {
        int sites = (int)words.Number("sites", 64, 1, 256);
        long rounds = words.Number("rounds", 200, 0, 1_000_000_000);
        bool restore = words.Choice("restore", "off", "on") == "on";
        return () => LongModeImage.Build(b => Emit(b, sites, rounds, restore), new LongModeOptions { Processors = processors }).Image;
    }

    private static bool IsIntel(int site) => site % 2 == 0;

    /// <summary>Number and result that differ from site to site: a call that is served for another site shows.</summary>
    private static (int Number, int Result) Call(int site) => (site % 3) switch
    {
        0 => (GuestHypercall.VapicPollIrq, 0),
        1 => (GuestHypercall.Unknown + site, GuestHypercall.NoSuchCall),
        _ => (GuestHypercall.SchedYield, 0),
    };

    private static ulong Address(int site)
    {
        ulong slot = PlainSites + ((ulong)site * 128);
        ulong page = PageSites + ((ulong)site * PageTableBuilder.PageSize / 4);
        return (site % 8) switch
        {
            // Across two pages: one or two bytes on the first.
            3 => (page & ~0xFFFUL) + 0xFFE,
            6 => (page & ~0xFFFUL) + 0xFFF,

            // Across two cache lines of 64 bytes.
            2 => slot + 62,
            5 => slot + 63,
            _ => slot,
        };
    }

    private static void Emit(LongModeImageBuilder b, int sites, long rounds, bool restore)
    {
        Assembler c = b.Code;
        ulong table = b.Constant(Table(sites));
        ulong arrived = b.Reserve(8, 64), finished = b.Reserve(4, 64), calls = b.Reserve(8);

        // RBP: own index, R10: arrivals to wait for, R11: calls, R12: rounds left. RSP so that sites find it aligned.
        Label round = c.CreateLabel(), site = c.CreateLabel(), wrong = c.CreateLabel(), last = c.CreateLabel();
        c.sub(rsp, 8);
        c.mov(rbp, rdi);
        c.xor(r10d, r10d);
        c.xor(r11d, r11d);
        c.mov(r12, rounds);
        b.Call("wait_for_all");

        c.Label(ref round);
        c.mov(r13, table);
        c.mov(r14, table + (ulong)(sites * TableEntry));
        c.Label(ref site);
        c.mov(rax, __qword_ptr[r13 + 8]);
        c.mov(rbx, rbp);
        c.call(__qword_ptr[r13]);
        c.inc(r11);
        c.cmp(rax, __qword_ptr[r13 + 16]);
        c.jne(wrong);
        c.add(r13, TableEntry);
        c.cmp(r13, r14);
        c.jne(site);
        if (restore)
        {
            EmitRestore(b, table, sites);
        }

        if (rounds == 0)
        {
            c.jmp(round);
        }
        else
        {
            c.dec(r12);
            c.jne(round);
            c.@lock.add(__qword_ptr[calls], r11);
            c.mov(eax, 1);
            c.@lock.xadd(__dword_ptr[finished], eax);
            c.cmp(eax, b.Options.Processors - 1);
            c.je(last);
            b.Halt();

            c.Label(ref last);
            b.Print(string.Create(
                CultureInfo.InvariantCulture, $"patch-race: {b.Options.Processors} processors, {sites} sites, {rounds} rounds: "));
            c.mov(rax, __qword_ptr[calls]);
            b.PrintDecimal(rax);
            b.Print(" calls, all right\n");
            b.Exit(0);
        }

        c.Label(ref wrong);
        b.Call(LongModeRuntime.Lock);
        b.Print("patch-race: wrong result ");
        b.PrintHex(rax);
        b.Print(" at ");
        c.mov(rax, __qword_ptr[r13]);
        b.PrintHex(rax);
        b.Print(", processor ");
        b.PrintDecimal(rbp);
        b.Print("\n");
        b.Exit(1);

        b.Define("wait_for_all");
        c.add(r10, b.Options.Processors);
        c.@lock.inc(__qword_ptr[arrived]);
        Label wait = c.CreateLabel();
        c.Label(ref wait);
        c.pause();
        c.cmp(__qword_ptr[arrived], r10);
        c.jb(wait);
        c.ret();

        for (int i = 0; i < sites; i++)
        {
            EmitSite(b, i);
        }
    }

    private static void EmitSite(LongModeImageBuilder b, int site)
    {
        b.At(Address(site));
        b.Define(string.Create(CultureInfo.InvariantCulture, $"site_{site}"));
        if (IsIntel(site))
        {
            b.Code.vmcall();
        }
        else
        {
            b.Code.vmmcall();
        }

        b.Code.ret();
    }

    /// <summary>Everybody out of the sites, processor 0 writes, everybody on: code changed by another processor needs CPUID (Intel SDM vol. 3, 8.1.3).</summary>
    private static void EmitRestore(LongModeImageBuilder b, ulong table, int sites)
    {
        Assembler c = b.Code;
        Label done = c.CreateLabel();
        b.Call("wait_for_all");
        c.test(ebp, ebp);
        c.jne(done);
        for (int i = 0; i < sites; i++)
        {
            c.mov(rdx, __qword_ptr[table + (ulong)(i * TableEntry)]);
            c.mov(__byte_ptr[rdx + 2], IsIntel(i) ? 0xC1 : 0xD9);
        }

        c.Label(ref done);
        b.Call("wait_for_all");
        c.xor(eax, eax);
        c.cpuid();
    }

    private static byte[] Table(int sites)
    {
        byte[] table = new byte[sites * TableEntry];
        for (int i = 0; i < sites; i++)
        {
            Span<byte> entry = table.AsSpan(i * TableEntry, TableEntry);
            (int number, int result) = Call(i);
            BinaryPrimitives.WriteUInt64LittleEndian(entry, Address(i));
            BinaryPrimitives.WriteInt64LittleEndian(entry[8..], number);
            BinaryPrimitives.WriteInt64LittleEndian(entry[16..], result);
        }

        return table;
    }
}
