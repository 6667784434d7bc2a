using Hyperpatch.Engine.Memory;

namespace Hyperpatch.Engine.Tests.Memory;

/// <summary>Translation and faults against tables laid out by hand (Intel SDM vol. 3, chapter 4).</summary>
public sealed class PageWalkerTests
{
    private const ulong P = 1;
    private const ulong W = 2;
    private const ulong U = 4;
    private const ulong Large = 0x80;
    private const ulong Nx = 1UL << 63;
    private const ulong Cr0 = PagingState.Cr0Pe | PagingState.Cr0Pg;
    private const ulong Wp = PagingState.Cr0Wp;
    private const ulong Pae = PagingState.Cr4Pae;
    private const ulong Smep = PagingState.Cr4Smep;
    private const ulong Smap = PagingState.Cr4Smap;
    private const ulong Long = PagingState.EferLma;
    private const ulong Nxe = PagingState.EferNxe;
    private const MemoryAccess Read = MemoryAccess.Read;
    private const MemoryAccess Write = MemoryAccess.Write;
    private const MemoryAccess Execute = MemoryAccess.Execute;

    private static readonly PagingState s_long = new() { Cr0 = Cr0 | Wp, Cr3 = 0x1000, Cr4 = Pae, Efer = Long | Nxe };

    // A 4-level walk to one page at linear 0x1234_5000, leaf flags, state's changes, access, CPL, and the error code (null: allowed).
    public static TheoryData<ulong, ulong, ulong, MemoryAccess, int, uint?> Rights => new()
    {
        // leaf, CR0.WP, CR4, access, CPL, error
        { P, Wp, 0, Read, 0, null },
        { P, Wp, 0, Write, 0, 3 },
        { P, 0, 0, Write, 0, null },
        { P, Wp, 0, Execute, 0, null },
        { P | W, Wp, 0, Write, 0, null },
        { P | W | Nx, Wp, 0, Write, 0, null },
        { P | W | Nx, Wp, 0, Execute, 0, 0x11 },
        { 0, Wp, 0, Read, 0, 0 },
        { 0, Wp, 0, Write, 0, 2 },
        { 0, Wp, 0, Execute, 0, 0x10 },
        { 0, Wp, 0, Read, 3, 4 },
        { 0, Wp, 0, Write, 3, 6 },
        { 0, Wp, 0, Execute, 3, 0x14 },
        { P | W, Wp, 0, Read, 3, 5 },
        { P | W, Wp, 0, Write, 3, 7 },
        { P | W, Wp, 0, Execute, 3, 0x15 },
        { P | U, Wp, 0, Read, 3, null },
        { P | U, Wp, 0, Write, 3, 7 },
        { P | U, 0, 0, Write, 3, 7 },
        { P | U, 0, 0, Write, 0, null },
        { P | W | U, Wp, 0, Write, 3, null },
        { P | U | Nx, Wp, 0, Execute, 3, 0x15 },
        { P | U, Wp, 0, Execute, 0, null },
        { P | U, Wp, Smep, Execute, 0, 0x11 },
        { P | U, Wp, Smep, Execute, 3, null },
        { P, Wp, Smep, Execute, 0, null },
        { P | W | U, Wp, 0, Read, 0, null },
        { P | W | U, Wp, Smap, Read, 0, 1 },
        { P | W | U, Wp, Smap, Write, 0, 3 },
        { P | W | U, Wp, Smap, Read, 3, null },
        { P | W | U, Wp, Smap, Execute, 0, null },
        { P | W, Wp, Smap, Write, 0, null },
        // Levels 1 and 2 are supervisor's.
        { P | W, Wp, 0, Write, 1, null },
        { P | U, Wp, Smep, Execute, 2, 0x11 },
    };

    // Which upper level withholds what, and what it then is. 0: none, 1: the page directory's entry, 2: the PDPT's, 3: the PML4's.
    public static TheoryData<int, ulong, MemoryAccess, int, uint?> UpperLevels
    {
        get
        {
            TheoryData<int, ulong, MemoryAccess, int, uint?> rows = [];
            for (int level = 1; level <= 3; level++)
            {
                rows.Add(level, 0, Read, 0, 0u);
                rows.Add(level, P | U, Write, 0, 3u);
                rows.Add(level, P | W, Read, 3, 5u);
                rows.Add(level, P | W | U | Nx, Execute, 3, 0x15u);
                rows.Add(level, P | W | U, Write, 3, null);
            }

            return rows;
        }
    }

    [Theory, MemberData(nameof(Rights))]
    public void Four_levels(ulong leaf, ulong wp, ulong cr4, MemoryAccess access, int cpl, uint? error)
    {
        const ulong Linear = 0xFFFF_8000_1234_5678;
        using GuestMemory memory = new(0x10000);
        Lay(memory, Linear, P | W | U, P | W | U, P | W | U, 0x7_8000 | leaf);
        PagingState state = s_long with { Cr0 = Cr0 | wp, Cr4 = Pae | cr4, Cpl = (byte)cpl };
        Expect(memory, state, Linear, access, error is null ? 0x7_8678 : null, error ?? 0);
    }

    [Theory, MemberData(nameof(UpperLevels))]
    public void Every_level_has_its_say(int level, ulong entry, MemoryAccess access, int cpl, uint? error)
    {
        const ulong Linear = 0x1234_5678;
        ulong[] flags = [P | W | U, P | W | U, P | W | U];
        flags[level - 1] = entry;
        using GuestMemory memory = new(0x10000);
        Lay(memory, Linear, flags[2], flags[1], flags[0], 0x5000 | P | W | U);
        Expect(memory, s_long with { Cpl = (byte)cpl }, Linear, access, error is null ? 0x5678 : null, error ?? 0);
    }

    [Fact]
    public void Flags_AC_lifts_SMAP()
    {
        const ulong Linear = 0x1000;
        using GuestMemory memory = new(0x10000);
        Lay(memory, Linear, P | W | U, P | W | U, P | W | U, 0x5000 | P | W | U);
        Expect(memory, s_long with { Cr4 = Pae | Smap, Rflags = PagingState.RflagsAc }, Linear, Write, 0x5000, 0);
    }

    [Theory]
    [InlineData(0x0000_0000_4020_3456UL, 0x0000_00C0_0020_3456UL)] // 1 GiB page at 3 << 38 ... its low 30 bits are the linear address's
    public void Large_page_of_1G(ulong linear, ulong physical)
    {
        using GuestMemory memory = new(0x10000);
        Put(memory, 0x1000, 0x2000 | P | W);
        Put(memory, 0x2008, 0xC0_0000_0000 | P | W | Large);
        Expect(memory, s_long, linear, Write, physical, 0);
    }

    [Fact]
    public void Large_page_of_2M()
    {
        using GuestMemory memory = new(0x10000);
        Lay(memory, 0x0020_0000, P | W, P | W, 0, 0);
        Put(memory, 0x3008, 0x4000_0000 | P | W | Large | 0x1000); // bit 12 is the PAT bit, no address
        Expect(memory, s_long, 0x003F_EDCB, Read, 0x401F_EDCB, 0);
    }

    [Theory]
    [InlineData(Nx, 0UL)] // NX without EFER.NXE
    public void Reserved_bits_fault_as_such(ulong leaf, ulong efer)
    {
        using GuestMemory memory = new(0x10000);
        Lay(memory, 0x1000, P | W, P | W, P | W, 0x5000 | P | W | leaf);
        Expect(memory, s_long with { Efer = Long | efer }, 0x1000, Read, null, 9);
        Expect(memory, s_long with { Efer = Long | efer }, 0x1000, Write, null, 11);
    }

    [Fact]
    public void Size_bit_in_the_top_level_is_reserved()
    {
        using GuestMemory memory = new(0x10000);
        Put(memory, 0x1000, 0x2000 | P | W | Large);
        Expect(memory, s_long, 0x1000, Read, null, 9);
    }

    [Fact]
    public void Fetch_bit_is_set_only_where_NX_or_SMEP_could_be_the_reason()
    {
        using GuestMemory memory = new(0x10000);
        Expect(memory, s_long with { Efer = Long }, 0x1000, Execute, null, 0);
        Expect(memory, s_long with { Efer = Long, Cr4 = Pae | Smep }, 0x1000, Execute, null, 0x10);
    }

    [Theory]
    [InlineData(0x0000_8000_0000_0000UL, 4, false)]
    [InlineData(0x0000_7FFF_FFFF_FFFFUL, 4, true)]
    [InlineData(0xFFFF_7FFF_FFFF_FFFFUL, 4, false)]
    [InlineData(0xFFFF_8000_0000_0000UL, 4, true)]
    [InlineData(0xFFFF_FFFF_FFFF_FFFFUL, 4, true)]
    [InlineData(0x0000_8000_0000_0000UL, 5, true)]
    [InlineData(0x00FF_FFFF_FFFF_FFFFUL, 5, true)]
    [InlineData(0x0100_0000_0000_0000UL, 5, false)]
    [InlineData(0xFF00_0000_0000_0000UL, 5, true)]
    [InlineData(0xFEFF_FFFF_FFFF_FFFFUL, 5, false)]
    public void Canonical_addresses(ulong linear, int levels, bool isCanonical)
    {
        Assert.Equal(isCanonical, PageWalker.IsCanonical(linear, levels));
        if (!isCanonical)
        {
            using GuestMemory memory = new(0x10000);
            PagingState state = s_long with { Cr4 = Pae | (levels == 5 ? PagingState.Cr4La57 : 0) };
            Expect(memory, state, linear, Read, null, 0);
        }
    }

    [Fact]
    public void Five_levels()
    {
        const ulong Linear = 0x0012_3456_789A_BCDE;
        using GuestMemory memory = new(0x10000);
        ulong table = 0x1000;
        for (int level = 5; level >= 1; level--)
        {
            ulong next = level == 1 ? 0xF_F000 : table + 0x1000;
            Put(memory, table + (((Linear >> (12 + ((level - 1) * 9))) & 0x1FF) * 8), next | P | W);
            table = next;
        }

        Expect(memory, s_long with { Cr4 = Pae | PagingState.Cr4La57 }, Linear, Write, 0xF_FCDE, 0);
    }

    [Fact]
    public void No_paging_is_the_address_itself_in_32_bits()
    {
        using GuestMemory memory = new(0x10000);
        Expect(memory, new PagingState { Cr0 = PagingState.Cr0Pe }, 0x1_2345_6789, Write, 0x2345_6789, 0);
    }

    [Theory]
    [InlineData(P | W | U, P | W | U, Write, 3, null)]
    [InlineData(P | W | U, P, Write, 0, 3u)]
    [InlineData(P | U, P | W | U, Write, 3, 7u)]
    [InlineData(P | W, P | W | U, Read, 3, 5u)]
    [InlineData(0UL, P | W | U, Read, 0, 0u)]
    [InlineData(P | W | U, 0UL, Execute, 3, 4u)]
    public void Two_levels_of_32_bits(ulong directory, ulong leaf, MemoryAccess access, int cpl, uint? error)
    {
        const ulong Linear = 0x8040_1ABC;
        using GuestMemory memory = new(0x10000);
        Put32(memory, 0x1000 + ((Linear >> 22) * 4), 0x2000 | (uint)directory);
        Put32(memory, 0x2000 + (((Linear >> 12) & 0x3FF) * 4), 0x0BCD_E000 | (uint)leaf);
        PagingState state = new() { Cr0 = Cr0 | Wp, Cr3 = 0x1000, Cpl = (byte)cpl };
        Expect(memory, state, Linear, access, error is null ? 0x0BCD_EABC : null, error ?? 0);
    }

    [Fact]
    public void Large_page_of_4M_needs_PSE_and_may_lie_above_4G()
    {
        using GuestMemory memory = new(0x10000);
        // Bits 20:13 hold bits 39:32.
        Put32(memory, 0x1004, 0x0040_0000 | (0x12 << 13) | (uint)(P | W | Large));
        PagingState state = new() { Cr0 = Cr0 | Wp, Cr3 = 0x1000, Cr4 = PagingState.Cr4Pse };
        Expect(memory, state, 0x0065_4321, Write, 0x12_0065_4321, 0);
        // Without PSE the bit is ignored: the entry names a table, which is not in memory here.
        Expect(memory, state with { Cr4 = 0 }, 0x0065_4321, Write, null, 2);
    }

    [Theory]
    [InlineData(P | W, Nxe, Write, null)]
    [InlineData(P, Nxe, Write, 3u)]
    [InlineData(P | W | Nx, Nxe, Execute, 0x11u)]
    [InlineData(P | W | Nx, 0UL, Read, 9u)]
    public void Three_levels_of_PAE(ulong leaf, ulong efer, MemoryAccess access, uint? error)
    {
        // CR3 points to a table of four at any 32-byte boundary, whose entries have no rights of their own.
        const ulong Linear = 0xC060_1ABC;
        using GuestMemory memory = new(0x10000);
        Put(memory, 0x1020 + (3 * 8), 0x2000 | P);
        Put(memory, 0x2000 + (((Linear >> 21) & 0x1FF) * 8), 0x3000 | P | W | U);
        Put(memory, 0x3000 + (((Linear >> 12) & 0x1FF) * 8), 0x9_8765_4000 | leaf);
        PagingState state = new() { Cr0 = Cr0 | Wp, Cr3 = 0x1020, Cr4 = Pae, Efer = efer };
        Expect(memory, state, Linear, access, error is null ? 0x9_8765_4ABC : null, error ?? 0);
        Expect(memory, state, 0x1000, Read, null, 0);
    }

    [Fact]
    public void Tables_outside_memory_are_as_absent()
    {
        using GuestMemory memory = new(0x10000);
        Expect(memory, s_long with { Cr3 = 0xFFFF_0000 }, 0x1000, Write, null, 2);
        Put(memory, 0x1000, 0x000F_FFFF_FFFF_F000 | P | W);
        Expect(memory, s_long, 0x1000, Write, null, 2);
    }

    [Fact]
    public void Fetch_stops_where_the_next_page_is_missing_and_says_where()
    {
        using GuestMemory memory = new(0x10000);
        Lay(memory, 0x1000, P | W, P | W, P | W, 0x5000 | P);
        Assert.True(memory.TryWrite(0x5FFE, [0x0F, 0x01]));
        byte[] bytes = new byte[15];
        Assert.Equal(2, LinearMemory.Fetch(memory, s_long, 0x1FFE, bytes, out PageFault fault));
        Assert.Equal(new PageFault(0x2000, 0x10), fault);
        Assert.Equal([0x0F, 0x01], bytes[..2]);
    }

    private static void Expect(GuestMemory memory, in PagingState state, ulong linear, MemoryAccess access, ulong? physical, uint error)
    {
        bool isThere = PageWalker.TryTranslate(memory, state, linear, access, out ulong got, out PageFault fault);
        Assert.Equal(physical is not null, isThere);
        if (physical is not null)
        {
            Assert.Equal(physical, got);
            Assert.Equal(default, fault);
        }
        else
        {
            Assert.Equal((linear, error), (fault.Address, fault.ErrorCode));
        }
    }

    // PML4 at 0x1000, PDPT at 0x2000, PD at 0x3000, PT at 0x4000.
    private static void Lay(GuestMemory memory, ulong linear, ulong pml4, ulong pdpt, ulong directory, ulong leaf)
    {
        Put(memory, 0x1000 + (((linear >> 39) & 0x1FF) * 8), 0x2000 | pml4);
        Put(memory, 0x2000 + (((linear >> 30) & 0x1FF) * 8), 0x3000 | pdpt);
        Put(memory, 0x3000 + (((linear >> 21) & 0x1FF) * 8), 0x4000 | directory);
        Put(memory, 0x4000 + (((linear >> 12) & 0x1FF) * 8), leaf);
    }

    private static void Put(GuestMemory memory, ulong address, ulong value) =>
        Assert.True(memory.TryWrite(address, BitConverter.GetBytes(value)));

    private static void Put32(GuestMemory memory, ulong address, uint value) =>
        Assert.True(memory.TryWrite(address, BitConverter.GetBytes(value)));
}
