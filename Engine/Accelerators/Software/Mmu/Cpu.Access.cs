using System.Numerics;
using System.Runtime.CompilerServices;
using Hyperpatch.Engine.Memory;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>The slow way of a load or store: translation, page crossings, decoded code, ROM, the local APIC, and what the host must do.</summary>
internal sealed partial class Cpu
{
    private const int MostReplays = 64;
    private static readonly Lock s_splitLock = new();
    private readonly ulong[] _replayed = new ulong[MostReplays];
    private int _replayCount;
    private int _replayAt;
    private bool _isImplicit;
    private bool _checksAlignment;

    // The access that the host is asked for.
    internal ulong MmioAddress;
    internal byte MmioSize;
    internal bool MmioIsWrite;
    internal readonly byte[] MmioData = new byte[8];

    private bool IsUserAccess => _cpl == 3 && !_isImplicit;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private ulong LoadSlow(ulong linear, int size)
    {
        if (_checksAlignment)
        {
            RequireAligned(linear, size, MemoryAccess.Read);
        }

        ulong value = LoadTranslated(linear, size);
        if (_watchedData != 0 && !_isImplicit)
        {
            Watch(linear, size, isWrite: false);
        }

        return value;
    }

    private ulong LoadTranslated(ulong linear, int size)
    {
        int left = 0x1000 - (int)(linear & 0xFFF);
        if (left < size)
        {
            // Both parts are translated before either is read.
            ulong next = Wrap(linear + (ulong)left);
            ulong first = Translate(linear, MemoryAccess.Read, IsUserAccess), second = Translate(next, MemoryAccess.Read, IsUserAccess);
            ulong low = 0;
            for (int i = 0; i < size; i++)
            {
                low |= LoadPhysical(i < left ? first + (ulong)i : second + (ulong)(i - left), 1) << (i * 8);
            }

            return low;
        }

        ulong physical = Translate(linear, MemoryAccess.Read, IsUserAccess);
        nint page = _memory.FindPage(physical & PageMask, out _);
        if (page != 0)
        {
            if (CanFill(linear))
            {
                Fill(_readTlb, linear, page);
            }

            return HostMemory.Read(page + (nint)(physical & 0xFFF), size);
        }

        return LoadPhysical(physical, size);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void StoreSlow(ulong linear, int size, ulong value)
    {
        if (_checksAlignment)
        {
            RequireAligned(linear, size, MemoryAccess.Write);
        }

        StoreTranslated(linear, size, value);
        if (_watchedData != 0 && !_isImplicit)
        {
            Watch(linear, size, isWrite: true);
        }
    }

    private void StoreTranslated(ulong linear, int size, ulong value)
    {
        int left = 0x1000 - (int)(linear & 0xFFF);
        if (left < size)
        {
            ulong next = Wrap(linear + (ulong)left);
            ulong first = Translate(linear, MemoryAccess.Write, IsUserAccess), second = Translate(next, MemoryAccess.Write, IsUserAccess);
            for (int i = 0; i < size; i++)
            {
                StorePhysical(i < left ? first + (ulong)i : second + (ulong)(i - left), 1, value >> (i * 8));
            }

            return;
        }

        ulong physical = Translate(linear, MemoryAccess.Write, IsUserAccess);
        TryFillWrite(linear, physical);
        StorePhysical(physical, size, value);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private ulong LoadToModifySlow(ulong linear, int size)
    {
        if (_checksAlignment)
        {
            RequireAligned(linear, size, MemoryAccess.Write);
        }

        int left = 0x1000 - (int)(linear & 0xFFF);
        ulong physical = Translate(linear, MemoryAccess.Write, IsUserAccess);
        if (left < size)
        {
            _ = Translate(Wrap(linear + (ulong)left), MemoryAccess.Write, IsUserAccess);
            return LoadSlow(linear, size);
        }

        TryFillWrite(linear, physical);
        if (_watchedData != 0 && !_isImplicit)
        {
            Watch(linear, size, isWrite: false);
        }

        return LoadPhysical(physical, size);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryStoreModifiedSlow(ulong linear, int size, ulong before, ulong after, bool isLocked)
    {
        int left = 0x1000 - (int)(linear & 0xFFF);
        if (left >= size && isLocked)
        {
            ulong physical = Translate(linear, MemoryAccess.Write, IsUserAccess);
            nint page = _memory.FindPage(physical & PageMask, out bool isReadOnly);
            if (page != 0 && !isReadOnly)
            {
                bool exchanged = HostMemory.CompareExchange(page + (nint)(physical & 0xFFF), size, before, after);
                Written(physical, size);
                if (_watchedData != 0)
                {
                    Watch(linear, size, isWrite: true);
                }

                return exchanged;
            }

            // Nothing is there that could have changed meanwhile.
            StoreSlow(linear, size, after);
            return true;
        }

        if (!isLocked)
        {
            StoreSlow(linear, size, after);
            return true;
        }

        // LOCK over two pages: atomic against others of its kind, which is what split locks are used for, if at all.
        lock (s_splitLock)
        {
            if (LoadSlow(linear, size) != before)
            {
                return false;
            }

            StoreSlow(linear, size, after);
            return true;
        }
    }

    // Makes sure that a later store cannot fault.
    private void ProbeWrite(ulong linear, int size)
    {
        if (!FindHost(_writeTlb, linear, size, out _))
        {
            TranslateAll(linear, size, MemoryAccess.Write);
            if (_checksAlignment && size <= 8 && BitOperations.IsPow2(size))
            {
                RequireAligned(linear, size, MemoryAccess.Write);
            }
        }
    }

    private void TranslateAll(ulong linear, int size, MemoryAccess access)
    {
        _ = Translate(linear, access, IsUserAccess);
        int left = 0x1000 - (int)(linear & 0xFFF);
        if (left < size)
        {
            _ = Translate(Wrap(linear + (ulong)left), access, IsUserAccess);
        }
    }

    // #AC, behind what else is wrong with the access (SDM vol. 3, table 6-2). What is wider than 8 bytes comes here in its parts.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void RequireAligned(ulong linear, int alignment, MemoryAccess access, int size = 0)
    {
        if (!_isImplicit && (linear & (ulong)(alignment - 1)) != 0)
        {
            TranslateAll(linear, Math.Max(size, alignment), access);
            throw Fault(17, 0);
        }
    }

    private bool CanFill(ulong linear) => !_isImplicit && !_checksAlignment && (_watchedData == 0 || !IsWatchedPage(linear));

    private ulong Wrap(ulong linear) => _bits == 64 ? linear : (uint)linear;

    private void TryFillWrite(ulong linear, ulong physical)
    {
        nint page = _memory.FindPage(physical & PageMask, out bool isReadOnly);
        if (page != 0 && !isReadOnly && CanFill(linear) && !_code.IsCode(_code.IndexOf(physical)))
        {
            // Once it is there, writes go by unseen until a collection has it taken out.
            _memory.DirtyPages?.Mark(physical, 1);
            Fill(_writeTlb, linear, page);
        }
    }

    private static void Fill(TlbEntry[] tlb, ulong linear, nint page)
    {
        ref TlbEntry entry = ref tlb[(int)(linear >> 12) & (TlbSize - 1)];
        entry.Tag = linear & PageMask;
        entry.Distance = page - (nint)(linear & PageMask);
    }

    private ulong LoadPhysical(ulong physical, int size)
    {
        nint page = _memory.FindPage(physical & PageMask, out _);
        if (page != 0)
        {
            return HostMemory.Read(page + (nint)(physical & 0xFFF), size);
        }

        if (IsApicPage(physical))
        {
            return ReadApicPage(physical, size);
        }

        return AskHost(physical, size, 0, isWrite: false);
    }

    private void StorePhysical(ulong physical, int size, ulong value)
    {
        nint page = _memory.FindPage(physical & PageMask, out bool isReadOnly);
        if (page != 0 && !isReadOnly)
        {
            HostMemory.Write(page + (nint)(physical & 0xFFF), size, value);
            Written(physical, size);
            return;
        }

        if (IsApicPage(physical))
        {
            WriteApicPage(physical, size, value);
            return;
        }

        _ = AskHost(physical, size, value, isWrite: true);
    }

    private void Written(ulong physical, int size)
    {
        _memory.DirtyPages?.Mark(physical, size);
        if (_code.Written(physical, size))
        {
            // Maybe of the block that is running.
            LeaveBlock();
        }
    }

    // The instruction is begun again when the host has answered, and then finds the answers here, in order.
    private ulong AskHost(ulong physical, int size, ulong value, bool isWrite)
    {
        if (_replayAt < _replayCount)
        {
            return _replayed[_replayAt++];
        }

        MmioAddress = physical;
        MmioSize = (byte)size;
        MmioIsWrite = isWrite;
        BitConverter.TryWriteBytes(MmioData, value);
        throw _hostExit;
    }

    internal void HostAnswered()
    {
        // Not where the instruction is not gone on with: an exception was injected instead.
        if (_isAsking && _replayCount < MostReplays)
        {
            _replayed[_replayCount++] = MmioIsWrite ? 0 : BitConverter.ToUInt64(MmioData) & (ulong.MaxValue >> (64 - (MmioSize * 8)));
        }
    }
}
