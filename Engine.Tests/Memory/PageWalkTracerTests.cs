using Hyperpatch.Engine.Memory;
using Hyperpatch.Engine.Tests.Support;

namespace Hyperpatch.Engine.Tests.Memory;

/// <summary>A walk told step by step leads where the walker says.</summary>
public sealed class PageWalkTracerTests
{
    private const ulong Cr0 = PagingState.Cr0Pe | PagingState.Cr0Pg | PagingState.Cr0Wp;
    private const int Pages = 64;

    public static TheoryData<string, ulong, ulong, int> Modes => new()
    {
        { "32-bit", 0, 0, 2 },
        { "32-bit", PagingState.Cr4Pse, 0, 2 },
        { "PAE", PagingState.Cr4Pae, PagingState.EferNxe, 3 },
        { "4-level", PagingState.Cr4Pae, PagingState.EferLma | PagingState.EferNxe, 4 },
        { "5-level", PagingState.Cr4Pae | PagingState.Cr4La57, PagingState.EferLma, 5 },
    };

    [Theory, MemberData(nameof(Modes))]
    public void The_entries_told_lead_to_the_address_that_the_walker_gives(string mode, ulong cr4, ulong efer, int levels)
    {
        // Tables full of random entries that point at each other: every kind of end is met.
        Random random = Seed.NewRandom();
        using GuestMemory memory = new(4UL << 20);
        byte[] table = new byte[GuestMemory.PageSize];
        for (ulong page = 0; page < Pages; page++)
        {
            for (int i = 0; i < table.Length / 8; i++)
            {
                // Narrow entries have the second one's low bits as their neighbour's top.
                ulong entry = ((ulong)(uint)random.Next(Pages) << 12) | (uint)random.Next(0x1000) | (random.Next(8) == 0 ? 0UL : 1UL);
                ulong wide = levels == 2 ? entry | (entry << 32) : entry | (random.Next(4) == 0 ? 1UL << 63 : 0);
                BitConverter.TryWriteBytes(table.AsSpan(i * 8), wide);
            }

            Assert.True(memory.TryWrite(page << 12, table));
        }

        int reached = 0;
        for (int i = 0; i < 3000; i++)
        {
            PagingState state = new() { Cr0 = Cr0, Cr3 = (ulong)random.Next(Pages) << 12, Cr4 = cr4, Efer = efer };
            ulong linear = (ulong)random.NextInt64();
            if (random.Next(4) != 0)
            {
                linear &= (1UL << (levels == 5 ? 56 : 47)) - 1;
            }

            PageWalkTrace trace = PageWalkTracer.Trace(memory, state, linear);
            string where = $"round {i}, linear 0x{linear:X}";
            Assert.Equal(mode, trace.Mode);
            foreach ((PageRights rights, byte cpl) in new[] { (trace.Supervisor, (byte)0), (trace.User, (byte)3) })
            {
                state.Cpl = cpl;
                foreach ((MemoryAccess access, uint? error) in new[] { (MemoryAccess.Read, rights.Read), (MemoryAccess.Write, rights.Write), (MemoryAccess.Execute, rights.Execute) })
                {
                    bool isAllowed = PageWalker.TryTranslate(memory, state, trace.Linear, access, out ulong physical, out PageFault fault);
                    Assert.True(isAllowed == error is null && (isAllowed || fault.ErrorCode == error), where);
                    Assert.True(!isAllowed || cpl != 0 || physical == trace.Physical, where);
                }
            }

            Assert.True(trace.IsCanonical || (trace.Steps.IsEmpty && trace.Physical is null), where);
            if (trace.Physical is not { } found)
            {
                continue;
            }

            reached++;
            PageWalkStep leaf = trace.Steps[^1];
            Assert.True(leaf.IsLeaf && trace.Steps[..^1].All(step => step.IsPresent && !step.IsLeaf), where);
            Assert.Equal(trace.Linear & (trace.PageBytes - 1), found & (trace.PageBytes - 1));
            // Each step's table is what the step before names, the last names the page.
            Assert.All(trace.Steps.Skip(1).Zip(trace.Steps), pair => Assert.Equal(pair.Second.Entry & 0xFFFF_F000, pair.First.EntryAddress & ~0xFFFUL));
            Assert.Equal(leaf.Entry & 0x3_F000 & ~(trace.PageBytes - 1), found & 0x3_F000 & ~(trace.PageBytes - 1));
        }

        Assert.True(reached > 100, $"Only {reached} walks came to a page.");
    }

    [Fact]
    public void Without_paging_nothing_is_walked()
    {
        using GuestMemory memory = new(4UL << 20);
        PageWalkTrace trace = PageWalkTracer.Trace(memory, default, 0x1234);
        Assert.Equal(("none", 0x1234UL), (trace.Mode, trace.Physical));
        Assert.Empty(trace.Steps);
    }

    [Fact]
    public void Table_where_no_memory_is_ends_the_walk_and_says_so()
    {
        using GuestMemory memory = new(4UL << 20);
        PagingState state = new() { Cr0 = Cr0, Cr3 = 0x4000_0000, Cr4 = PagingState.Cr4Pae, Efer = PagingState.EferLma };
        PageWalkTrace trace = PageWalkTracer.Trace(memory, state, 0x1000);
        PageWalkStep step = Assert.Single(trace.Steps);
        Assert.False(step.IsReadable);
        Assert.Null(trace.Physical);
    }
}
