using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Hyperpatch.Engine.Memory;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>
/// Loads and stores by linear address: a translation cache for each kind of access and for each of three rights (supervisor, supervisor
/// with AC, user); what is not in it goes the slow way (<c>Cpu.Access.cs</c>). Pages with decoded code are never in the cache for writes.
/// While alignment is checked the cache is one that stays empty, so that the check is in the slow way only.
/// </summary>
internal sealed partial class Cpu
{
    private const int TlbSize = 512;
    private const ulong PageMask = ~0xFFFUL;
    private const ulong NoTag = ulong.MaxValue;
    private static readonly TlbEntry[] s_emptyTlb = MakeEmptyTlb();
    private readonly TlbEntry[][] _readTlbs = [new TlbEntry[TlbSize], new TlbEntry[TlbSize], new TlbEntry[TlbSize]];
    private readonly TlbEntry[][] _writeTlbs = [new TlbEntry[TlbSize], new TlbEntry[TlbSize], new TlbEntry[TlbSize]];
    private TlbEntry[] _readTlb;
    private TlbEntry[] _writeTlb;
    private uint _epoch = 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool FindHost(TlbEntry[] tlb, ulong linear, int size, out nint host)
    {
        ref TlbEntry entry = ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(tlb), (int)(linear >> 12) & (TlbSize - 1));
        host = entry.Distance + (nint)linear;
        // The last byte's page against the tag: what crosses a page does not match.
        return entry.Tag == ((linear + (ulong)(size - 1)) & PageMask);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong Load64(ulong linear) => FindHost(_readTlb, linear, 8, out nint host) ? HostMemory.Read64(host) : LoadSlow(linear, 8);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint Load32(ulong linear) =>
        FindHost(_readTlb, linear, 4, out nint host) ? HostMemory.Read32(host) : (uint)LoadSlow(linear, 4);

    private ulong Load(ulong linear, int size) =>
        FindHost(_readTlb, linear, size, out nint host) ? HostMemory.Read(host, size) : LoadSlow(linear, size);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Store64(ulong linear, ulong value)
    {
        if (FindHost(_writeTlb, linear, 8, out nint host))
        {
            HostMemory.Write64(host, value);
        }
        else
        {
            StoreSlow(linear, 8, value);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Store32(ulong linear, uint value)
    {
        if (FindHost(_writeTlb, linear, 4, out nint host))
        {
            HostMemory.Write32(host, value);
        }
        else
        {
            StoreSlow(linear, 4, value);
        }
    }

    private void Store(ulong linear, int size, ulong value)
    {
        if (FindHost(_writeTlb, linear, size, out nint host))
        {
            HostMemory.Write(host, size, value);
        }
        else
        {
            StoreSlow(linear, size, value);
        }
    }

    // Reads what is going to be written: faults as a write.
    private ulong LoadToModify(ulong linear, int size) =>
        FindHost(_writeTlb, linear, size, out nint host) ? HostMemory.Read(host, size) : LoadToModifySlow(linear, size);

    // Writes the result of a read-modify-write. False: with LOCK, somebody else was faster.
    private bool TryStoreModified(ulong linear, int size, ulong before, ulong after, bool isLocked)
    {
        if (FindHost(_writeTlb, linear, size, out nint host))
        {
            if (isLocked)
            {
                return HostMemory.CompareExchange(host, size, before, after);
            }

            HostMemory.Write(host, size, after);
            return true;
        }

        return TryStoreModifiedSlow(linear, size, before, after, isLocked);
    }

    private void FlushTlb()
    {
        foreach (TlbEntry[] tlb in _readTlbs)
        {
            Clear(tlb);
        }

        FlushWriteTlb();
        Clear(_fetchTlb);
        _epoch++;
    }

    private void FlushWriteTlb()
    {
        foreach (TlbEntry[] tlb in _writeTlbs)
        {
            Clear(tlb);
        }
    }

    private void FlushPage(ulong linear)
    {
        int index = (int)(linear >> 12) & (TlbSize - 1);
        for (int i = 0; i < 3; i++)
        {
            _readTlbs[i][index].Tag = NoTag;
            _writeTlbs[i][index].Tag = NoTag;
        }

        Clear(_fetchTlb);
        _epoch++;
    }

    // Which rights data accesses have now.
    private void SelectTlb()
    {
        bool hasAc = (R.Guest.Rflags & Flag.Alignment) != 0;
        _checksAlignment = hasAc && _cpl == 3 && (Cr0 & AlignmentMask) != 0;
        if (_checksAlignment)
        {
            _readTlb = _writeTlb = s_emptyTlb;
            return;
        }

        int rights = _cpl == 3 ? 2 : hasAc ? 1 : 0;
        _readTlb = _readTlbs[rights];
        _writeTlb = _writeTlbs[rights];
    }

    private static TlbEntry[] MakeEmptyTlb()
    {
        var tlb = new TlbEntry[TlbSize];
        Clear(tlb);
        return tlb;
    }

    private static void Clear(TlbEntry[] tlb)
    {
        foreach (ref TlbEntry entry in tlb.AsSpan())
        {
            entry.Tag = NoTag;
        }
    }
}
