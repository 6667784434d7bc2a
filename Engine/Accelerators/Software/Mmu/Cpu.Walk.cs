using Hyperpatch.Engine.Memory;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>Page walks with accessed and dirty bits (Intel SDM vol. 3, chapter 4).</summary>
internal sealed partial class Cpu
{
    private const ulong EntryPresent = 1;
    private const ulong EntryWritable = 2;
    private const ulong EntryUser = 4;
    private const ulong EntryAccessed = 0x20;
    private const ulong EntryDirty = 0x40;
    private const ulong EntryLarge = 0x80;
    private const ulong NoExecute = 1UL << 63;
    private const ulong AddressMask = 0x000F_FFFF_FFFF_F000;

    /// <summary>Bits of a guest-physical address, as CPUID 0x80000008 tells.</summary>
    public const int PhysicalBits = 46;

    private const ulong ReservedAddress = AddressMask & ~((1UL << PhysicalBits) - 1);

    /// <summary>Translates, or throws the guest's #PF.</summary>
    /// <param name="linear">Linear address.</param>
    /// <param name="access">What the access does.</param>
    /// <param name="user">With the rights of CPL 3.</param>
    private ulong Translate(ulong linear, MemoryAccess access, bool user)
    {
        if ((Cr0 & PagingState.Cr0Pg) == 0)
        {
            return (uint)linear;
        }

        bool hasNx = (Efer & PagingState.EferNxe) != 0 && (Cr4 & PagingState.Cr4Pae) != 0;
        ulong rights = EntryWritable | EntryUser;
        ulong table;
        int level;
        int entryBytes = 8;
        if ((Efer & PagingState.EferLma) != 0)
        {
            level = (Cr4 & PagingState.Cr4La57) != 0 ? 5 : 4;
            table = Cr3 & AddressMask;
            if (!PageWalker.IsCanonical(linear, level))
            {
                throw AddressFault();
            }
        }
        else if ((Cr4 & PagingState.Cr4Pae) != 0)
        {
            linear = (uint)linear;
            ulong pointer = ReadPhysical64((Cr3 & 0xFFFF_FFE0) + ((linear >> 30) * 8));
            if ((pointer & EntryPresent) == 0)
            {
                throw PageFault(linear, access, user, hasNx, 0);
            }

            table = pointer & AddressMask;
            level = 2;
        }
        else
        {
            linear = (uint)linear;
            level = 2;
            entryBytes = 4;
            table = Cr3 & 0xFFFF_F000;
        }

        int indexBits = entryBytes == 8 ? 9 : 10;
        for (; ; level--)
        {
            int shift = 12 + ((level - 1) * indexBits);
            ulong at = table + (((linear >> shift) & ((1UL << indexBits) - 1)) * (ulong)entryBytes);
            nint host = _memory.FindPage(at & PageMask, out bool isReadOnly);
            ulong entry = host == 0 ? 0 : HostMemory.Read(host + (nint)(at & 0xFFF), entryBytes);
            if ((entry & EntryPresent) == 0)
            {
                throw PageFault(linear, access, user, hasNx, 0);
            }

            bool isLeaf = level == 1
                || ((entry & EntryLarge) != 0 && (entryBytes == 4 ? (Cr4 & PagingState.Cr4Pse) != 0 : level <= 3));
            if (entryBytes == 8 && (((entry & NoExecute) != 0 && !hasNx) || (entry & ReservedAddress) != 0
                || (!isLeaf && (entry & EntryLarge) != 0)
                || (isLeaf && level > 1 && (entry & ((1UL << shift) - 1) & 0xF_FFFF_E000) != 0)))
            {
                throw PageFault(linear, access, user, hasNx, 9);
            }

            rights = (rights & entry & (EntryWritable | EntryUser)) | ((rights | entry) & NoExecute);
            ulong wanted = entry | EntryAccessed;
            ulong physical = 0;
            if (isLeaf)
            {
                if (!IsAllowed(rights, access, user, hasNx))
                {
                    throw PageFault(linear, access, user, hasNx, 1);
                }

                wanted |= access == MemoryAccess.Write ? EntryDirty : 0;
                ulong offset = (1UL << shift) - 1;
                physical = entryBytes == 4 && level == 2
                    ? (entry & 0xFFC0_0000) | ((entry & 0x001F_E000) << 19) | (linear & 0x3F_FFFF)
                    : (entry & AddressMask & ~offset) | (linear & offset);
            }

            if (wanted != entry && !isReadOnly)
            {
                if (!HostMemory.CompareExchange(host + (nint)(at & 0xFFF), entryBytes, entry, wanted))
                {
                    // Somebody changed it: from the top, where the rights are whole again.
                    return Translate(linear, access, user);
                }

                _memory.DirtyPages?.Mark(at, entryBytes);
            }

            if (isLeaf)
            {
                _leafIsDirty = (wanted & EntryDirty) != 0;
                _leafRights = rights;
                return physical;
            }

            table = entryBytes == 8 ? entry & AddressMask : entry & 0xFFFF_F000;
        }
    }

    private bool _leafIsDirty;
    private ulong _leafRights;


    private bool IsAllowed(ulong rights, MemoryAccess access, bool user, bool hasNx)
    {
        bool userPage = (rights & EntryUser) != 0;
        if (user && !userPage)
        {
            return false;
        }

        switch (access)
        {
            case MemoryAccess.Execute:
                return !(hasNx && (rights & NoExecute) != 0) && (user || !userPage || (Cr4 & PagingState.Cr4Smep) == 0);
            case MemoryAccess.Write when (rights & EntryWritable) == 0 && (user || (Cr0 & PagingState.Cr0Wp) != 0):
                return false;
            default:
                // What the processor does on its own account (descriptor tables, TSS) has no AC to help it.
                return user || !userPage || (Cr4 & PagingState.Cr4Smap) == 0
                    || (!_isImplicit && (R.Guest.Rflags & Flag.Alignment) != 0);
        }
    }

    private ulong ReadPhysical64(ulong physical) => _memory.TryReadUInt64(physical, out ulong value) ? value : 0;

    private GuestFault PageFault(ulong linear, MemoryAccess access, bool user, bool hasNx, uint bits)
    {
        uint error = bits | (access == MemoryAccess.Write ? 2u : 0) | (user ? 4u : 0);
        if (access == MemoryAccess.Execute && (hasNx || (Cr4 & PagingState.Cr4Smep) != 0))
        {
            error |= 16;
        }

        Cr2 = linear;
        return Fault(14, error);
    }
}
