using System.Runtime.CompilerServices;

namespace Hyperpatch.Engine.Memory;

/// <summary>
/// Translates guest-linear addresses by the guest's own page tables: 32-bit, PAE, 4- and 5-level, large pages, NX, WP,
/// SMEP, SMAP (Intel SDM vol. 3, chapter 4). Reads only: accessed and dirty bits are left to the processor.
/// </summary>
public static class PageWalker
{
    private const ulong Present = 1;
    private const ulong Writable = 2;
    private const ulong User = 4;
    private const ulong Large = 0x80;
    private const ulong NoExecute = 1UL << 63;
    private const ulong AddressMask = 0x000F_FFFF_FFFF_F000;

    private const uint ErrorPresent = 1;
    private const uint ErrorWrite = 2;
    private const uint ErrorUser = 4;
    private const uint ErrorReserved = 8;
    private const uint ErrorFetch = 16;

    /// <summary>Translates one address.</summary>
    /// <param name="memory">Guest memory.</param>
    /// <param name="state">Control registers and privilege level.</param>
    /// <param name="linear">Linear address.</param>
    /// <param name="access">What the access does.</param>
    /// <param name="physical">Guest-physical address.</param>
    /// <param name="fault">What the guest's #PF would carry when there is no translation.</param>
    /// <returns>False when the access faults. A non-canonical address fails with error code 0: the caller knows that it is #GP.</returns>
    public static bool TryTranslate(
        GuestMemory memory, in PagingState state, ulong linear, MemoryAccess access, out ulong physical, out PageFault fault)
    {
        ArgumentNullException.ThrowIfNull(memory);
        bool user = state.Cpl == 3;
        uint error = (access == MemoryAccess.Write ? ErrorWrite : 0) | (user ? ErrorUser : 0);
        bool noExecuteEnabled = (state.Efer & PagingState.EferNxe) != 0 && (state.Cr4 & PagingState.Cr4Pae) != 0;
        if (access == MemoryAccess.Execute && (noExecuteEnabled || (state.Cr4 & PagingState.Cr4Smep) != 0))
        {
            error |= ErrorFetch;
        }

        ulong rights;
        physical = 0;
        if (!state.IsPaged)
        {
            physical = linear & 0xFFFF_FFFF;
            fault = default;
            return true;
        }

        uint missing;
        if (state.IsLongMode)
        {
            int levels = (state.Cr4 & PagingState.Cr4La57) != 0 ? 5 : 4;
            if (!IsCanonical(linear, levels))
            {
                fault = new PageFault(linear, 0);
                return false;
            }

            missing = Walk64(memory, state.Cr3 & AddressMask, levels, linear, noExecuteEnabled, out physical, out rights);
        }
        else
        {
            linear &= 0xFFFF_FFFF;
            missing = (state.Cr4 & PagingState.Cr4Pae) != 0
                ? WalkPae(memory, state.Cr3, linear, noExecuteEnabled, out physical, out rights)
                : Walk32(memory, state, linear, out physical, out rights);
        }

        if (missing != Present)
        {
            fault = new PageFault(linear, error | missing);
            return false;
        }

        if (!IsAllowed(state, rights, access, user, noExecuteEnabled))
        {
            fault = new PageFault(linear, error | ErrorPresent);
            return false;
        }

        fault = default;
        return true;
    }

    /// <summary>Whether bits 63 to the top implemented bit are all alike.</summary>
    /// <param name="linear">Linear address.</param>
    /// <param name="levels">Levels of paging: 4 (48 bits) or 5 (57 bits).</param>
    public static bool IsCanonical(ulong linear, int levels)
    {
        int unused = levels == 5 ? 7 : 16;
        return (ulong)((long)(linear << unused) >> unused) == linear;
    }

    private static bool IsAllowed(in PagingState state, ulong rights, MemoryAccess access, bool user, bool noExecuteEnabled)
    {
        bool userPage = (rights & User) != 0;
        if (user && !userPage)
        {
            return false;
        }

        switch (access)
        {
            case MemoryAccess.Execute:
                return !(noExecuteEnabled && (rights & NoExecute) != 0)
                    && (user || !userPage || (state.Cr4 & PagingState.Cr4Smep) == 0);
            case MemoryAccess.Write when (rights & Writable) == 0 && (user || (state.Cr0 & PagingState.Cr0Wp) != 0):
                return false;
            default:
                return user || !userPage || (state.Cr4 & PagingState.Cr4Smap) == 0
                    || (state.Rflags & PagingState.RflagsAc) != 0;
        }
    }

    // Returns Present when the walk ended at a page, else the error code's bits (0: not present, ErrorPresent|ErrorReserved).
    private static uint Walk64(
        GuestMemory memory, ulong table, int levels, ulong linear, bool noExecuteEnabled, out ulong physical, out ulong rights)
    {
        rights = Writable | User;
        physical = 0;
        for (int level = levels; level >= 1; level--)
        {
            int shift = 12 + ((level - 1) * 9);
            if (!memory.TryReadUInt64(table + (((linear >> shift) & 0x1FF) * 8), out ulong entry) || (entry & Present) == 0)
            {
                return 0;
            }

            if (!noExecuteEnabled && (entry & NoExecute) != 0)
            {
                return ErrorPresent | ErrorReserved;
            }

            Combine(ref rights, entry);
            if (level == 1 || (level <= 3 && (entry & Large) != 0))
            {
                ulong offset = (1UL << shift) - 1;
                physical = (entry & AddressMask & ~offset) | (linear & offset);
                return (uint)Present;
            }

            if (level >= 4 && (entry & Large) != 0)
            {
                return ErrorPresent | ErrorReserved;
            }

            table = entry & AddressMask;
        }

        return 0;
    }

    private static uint WalkPae(
        GuestMemory memory, ulong cr3, ulong linear, bool noExecuteEnabled, out ulong physical, out ulong rights)
    {
        rights = Writable | User;
        physical = 0;
        if (!memory.TryReadUInt64((cr3 & 0xFFFF_FFE0) + ((linear >> 30) * 8), out ulong pointer) || (pointer & Present) == 0)
        {
            return 0;
        }

        return Walk64(memory, pointer & AddressMask, 2, linear & 0x3FFF_FFFF, noExecuteEnabled, out physical, out rights);
    }

    private static uint Walk32(GuestMemory memory, in PagingState state, ulong linear, out ulong physical, out ulong rights)
    {
        rights = Writable | User;
        physical = 0;
        if (!memory.TryReadUInt32((state.Cr3 & 0xFFFF_F000) + ((linear >> 22) * 4), out uint directory)
            || (directory & Present) == 0)
        {
            return 0;
        }

        Combine(ref rights, directory);
        if ((directory & Large) != 0 && (state.Cr4 & PagingState.Cr4Pse) != 0)
        {
            // PSE-36: bits 20:13 hold physical address bits 39:32.
            physical = (directory & 0xFFC0_0000) | ((ulong)(directory & 0x001F_E000) << 19) | (linear & 0x3F_FFFF);
            return (uint)Present;
        }

        if (!memory.TryReadUInt32((directory & 0xFFFF_F000) + (((linear >> 12) & 0x3FF) * 4), out uint entry)
            || (entry & Present) == 0)
        {
            return 0;
        }

        Combine(ref rights, entry);
        physical = (entry & 0xFFFF_F000) | (linear & 0xFFF);
        return (uint)Present;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Combine(ref ulong rights, ulong entry) =>
        rights = (rights & entry & (Writable | User)) | ((rights | entry) & NoExecute);
}
