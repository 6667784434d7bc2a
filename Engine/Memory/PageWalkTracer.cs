using System.Collections.Immutable;

namespace Hyperpatch.Engine.Memory;

/// <summary>
/// Follows a page walk for people to see. Which entries are read is told here; what comes of it is asked of <see cref="PageWalker"/>, so that
/// there is one answer only.
/// </summary>
public static class PageWalkTracer
{
    private const ulong Large = 0x80;
    private const ulong AddressMask = 0x000F_FFFF_FFFF_F000;
    private static readonly string[] s_levels = ["PTE", "PDE", "PDPTE", "PML4E", "PML5E"];

    /// <summary>Follows the walk of one address. Sets no accessed or dirty bit.</summary>
    /// <param name="memory">Guest memory.</param>
    /// <param name="state">Control registers; the privilege level in it does not matter.</param>
    /// <param name="linear">Linear address.</param>
    public static PageWalkTrace Trace(GuestMemory memory, in PagingState state, ulong linear)
    {
        ArgumentNullException.ThrowIfNull(memory);
        int levels = !state.IsPaged ? 0
            : state.IsLongMode ? (state.Cr4 & PagingState.Cr4La57) != 0 ? 5 : 4
            : (state.Cr4 & PagingState.Cr4Pae) != 0 ? 3 : 2;
        bool isCanonical = levels < 4 || PageWalker.IsCanonical(linear, levels);
        if (levels < 4)
        {
            linear &= 0xFFFF_FFFF;
        }

        ulong pageBytes = 0;
        ImmutableArray<PageWalkStep> steps = isCanonical && levels > 0 ? Walk(memory, state, linear, levels, out pageBytes) : [];
        PageRights supervisor = Rights(memory, state, linear, 0, out ulong? physical);
        return new PageWalkTrace
        {
            Linear = linear,
            Mode = levels switch { 0 => "none", 2 => "32-bit", 3 => "PAE", 4 => "4-level", _ => "5-level" },
            Cr3 = state.Cr3,
            IsCanonical = isCanonical,
            Steps = steps,
            Physical = physical,
            PageBytes = physical is null ? 0 : pageBytes,
            Supervisor = supervisor,
            User = Rights(memory, state, linear, 3, out _),
        };
    }

    private static ImmutableArray<PageWalkStep> Walk(GuestMemory memory, in PagingState state, ulong linear, int levels, out ulong pageBytes)
    {
        ImmutableArray<PageWalkStep>.Builder steps = ImmutableArray.CreateBuilder<PageWalkStep>(levels);
        bool isNarrow = levels == 2;
        int entryBytes = isNarrow ? 4 : 8;
        int indexBits = isNarrow ? 10 : 9;
        ulong table = isNarrow ? state.Cr3 & 0xFFFF_F000 : levels == 3 ? state.Cr3 & 0xFFFF_FFE0 : state.Cr3 & AddressMask;
        pageBytes = 0;
        for (int level = levels; level >= 1; level--)
        {
            int shift = 12 + ((level - 1) * indexBits);
            ulong index = (linear >> shift) & ((1UL << indexBits) - 1);
            ulong address = table + (index * (ulong)entryBytes);
            bool isReadable = TryRead(memory, address, isNarrow, out ulong entry);
            bool isPresent = isReadable && (entry & 1) != 0;

            // In a PDPTE without long mode, bit 7 is reserved; large pages of 32-bit paging need CR4.PSE.
            bool mayBeLarge = isNarrow ? level == 2 && (state.Cr4 & PagingState.Cr4Pse) != 0 : level == 2 || (level == 3 && levels > 3);
            bool isLeaf = isPresent && (level == 1 || (mayBeLarge && (entry & Large) != 0));
            steps.Add(new PageWalkStep(s_levels[level - 1], address, entry, entryBytes, isReadable, isLeaf));
            if (isLeaf)
            {
                pageBytes = 1UL << shift;
            }

            if (isLeaf || !isPresent)
            {
                break;
            }

            table = isNarrow ? entry & 0xFFFF_F000 : entry & AddressMask;
        }

        return steps.ToImmutable();
    }

    private static bool TryRead(GuestMemory memory, ulong address, bool isNarrow, out ulong entry)
    {
        if (!isNarrow)
        {
            return memory.TryReadUInt64(address, out entry);
        }

        bool isRead = memory.TryReadUInt32(address, out uint narrow);
        entry = narrow;
        return isRead;
    }

    private static PageRights Rights(GuestMemory memory, in PagingState state, ulong linear, int cpl, out ulong? physical)
    {
        PagingState at = state;
        at.Cpl = (byte)cpl;
        ulong? found = null;
        PageRights rights = new(cpl, Error(MemoryAccess.Read), Error(MemoryAccess.Write), Error(MemoryAccess.Execute));
        physical = found;
        return rights;

        uint? Error(MemoryAccess access)
        {
            if (PageWalker.TryTranslate(memory, at, linear, access, out ulong address, out PageFault fault))
            {
                found = address;
                return null;
            }

            return fault.ErrorCode;
        }
    }
}
