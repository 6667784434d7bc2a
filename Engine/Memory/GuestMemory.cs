using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Hyperpatch.Engine.Memory;

/// <summary>
/// A guest's physical memory: RAM from 0 (beyond 3 GiB it goes on at 4 GiB, which leaves the local APIC's page and MMIO
/// their usual place) and ROM regions. Mapped lazily: pages that the guest never touches cost nothing.
/// </summary>
/// <remarks>
/// Reads and writes may race with the guest's processors, as a device's do on hardware; single bytes and aligned
/// 8-byte words are never torn. Safe against any guest-chosen address: each access is checked against the regions.
/// </remarks>
public sealed unsafe partial class GuestMemory : IDisposable
{
    /// <summary>Size of a page in bytes.</summary>
    public const int PageSize = 4096;

    /// <summary>RAM below 4 GiB ends here at the latest.</summary>
    public const ulong LowMemoryEnd = 0xC000_0000;

    internal const ulong HighMemoryStart = 0x1_0000_0000;
    private readonly List<MemoryRegion> _mappings = [];
    private MemoryRegion[] _regions;
    private DirtyPageMap? _dirtyPages;
    private bool _disposed;

    /// <summary>Maps RAM.</summary>
    /// <param name="bytes">Size, a positive multiple of 4096.</param>
    /// <exception cref="InsufficientMemoryException">The host refuses the mapping.</exception>
    public GuestMemory(ulong bytes)
    {
        ArgumentOutOfRangeException.ThrowIfZero(bytes);
        if (bytes % PageSize != 0)
        {
            throw new ArgumentOutOfRangeException(nameof(bytes), bytes, "Guest memory is a multiple of 4096 bytes.");
        }

        RamBytes = bytes;
        nint host = Map(bytes);
        ulong low = Math.Min(bytes, LowMemoryEnd);
        _mappings.Add(new MemoryRegion(0, bytes, host, false));
        _regions = bytes > low
            ? [new(0, low, host, false), new(HighMemoryStart, bytes - low, host + (nint)low, false)]
            : [new(0, low, host, false)];
    }

    /// <summary>Bytes of RAM.</summary>
    public ulong RamBytes { get; }

    /// <summary>Set by a back end that keeps decoded copies of the guest's code: is told of every write from here.</summary>
    internal CodePageMap? CodePages { get; private set; }

    /// <summary>Makes <see cref="CodePages"/> where there is none yet. Before the guest runs.</summary>
    internal CodePageMap TrackCode() => CodePages ??= new CodePageMap(RamBytes);

    /// <summary>Where writes are noted while somebody logs them, or null. Any thread.</summary>
    internal DirtyPageMap? DirtyPages => Volatile.Read(ref _dirtyPages);

    /// <summary>Begins to note writes in a new map.</summary>
    /// <returns>The map, or null when somebody logs already.</returns>
    internal DirtyPageMap? TryLogWrites()
    {
        DirtyPageMap map = new(RamBytes);
        return Interlocked.CompareExchange(ref _dirtyPages, map, null) is null ? map : null;
    }

    /// <summary>Ends what <see cref="TryLogWrites"/> began.</summary>
    /// <param name="map">The map that it gave.</param>
    internal void StopLoggingWrites(DirtyPageMap map) => Interlocked.CompareExchange(ref _dirtyPages, null, map);

    /// <summary>All regions.</summary>
    public ImmutableArray<MemoryRegion> Regions => ImmutableCollectionsMarshal.AsImmutableArray(_regions);

    /// <summary>Adds ROM. Only before the guest's first instruction.</summary>
    /// <param name="address">Guest-physical address, page-aligned, clear of RAM.</param>
    /// <param name="content">Bytes; the rest of the last page is zero.</param>
    public void AddRom(ulong address, ReadOnlySpan<byte> content)
    {
        ulong length = ((ulong)content.Length + PageSize - 1) & ~(ulong)(PageSize - 1);
        if (address % PageSize != 0 || length == 0 || address + length < address)
        {
            throw new ArgumentOutOfRangeException(nameof(address), address, "ROM is page-aligned and not empty.");
        }

        foreach (MemoryRegion region in _regions)
        {
            if (address < region.End && region.GuestAddress < address + length)
            {
                throw new ArgumentOutOfRangeException(nameof(address), address, "ROM overlaps other memory.");
            }
        }

        nint host = Map(length);
        // Safe: the mapping just made is at least content.Length long.
        content.CopyTo(new Span<byte>((void*)host, content.Length));
        MemoryRegion rom = new(address, length, host, true);
        _mappings.Add(rom);
        _regions = [.. _regions, rom];
    }

    /// <summary>Zeroes RAM by giving its pages back to the host.</summary>
    public void Clear()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        foreach (MemoryRegion mapping in _mappings)
        {
            if (!mapping.IsReadOnly && Madvise(mapping.HostAddress, (nuint)mapping.Length, MadvDontNeed) != 0)
            {
                throw new InvalidOperationException(
                    $"The host refused to clear guest memory (madvise: {Marshal.GetLastPInvokeErrorMessage()}).");
            }
        }

        CodePages?.AllWritten();
        DirtyPages?.MarkAll(RamBytes);
    }

    /// <summary>Host address of one byte, or 0 when nothing backs it.</summary>
    /// <param name="address">Guest-physical address.</param>
    /// <param name="available">Bytes from there to the region's end.</param>
    /// <param name="isReadOnly">Whether it is ROM.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal byte* Find(ulong address, out ulong available, out bool isReadOnly)
    {
        foreach (ref readonly MemoryRegion region in _regions.AsSpan())
        {
            ulong offset = address - region.GuestAddress;
            if (offset < region.Length)
            {
                available = region.Length - offset;
                isReadOnly = region.IsReadOnly;
                return (byte*)region.HostAddress + offset;
            }
        }

        available = 0;
        isReadOnly = false;
        return null;
    }

    /// <summary>Host address of a page, or 0 when nothing backs it.</summary>
    /// <param name="address">Guest-physical address of its start.</param>
    /// <param name="isReadOnly">Whether it is ROM.</param>
    internal nint FindPage(ulong address, out bool isReadOnly) => (nint)Find(address, out _, out isReadOnly);

    /// <summary>Copies out of guest memory.</summary>
    /// <param name="address">Guest-physical address.</param>
    /// <param name="destination">Filled wholly, or left as it was as far as the first missing byte.</param>
    /// <returns>False when a byte has nothing behind it.</returns>
    public bool TryRead(ulong address, Span<byte> destination)
    {
        while (destination.Length > 0)
        {
            byte* host = Find(address, out ulong available, out _);
            if (host == null)
            {
                return false;
            }

            int chunk = (int)Math.Min(available, (ulong)destination.Length);
            new ReadOnlySpan<byte>(host, chunk).CopyTo(destination);
            destination = destination[chunk..];
            address += (ulong)chunk;
        }

        return true;
    }

    /// <summary>Copies into guest memory; nothing is written unless all of it can be.</summary>
    /// <param name="address">Guest-physical address.</param>
    /// <param name="source">The bytes.</param>
    /// <returns>False when a byte has no RAM behind it (nothing there, or ROM).</returns>
    public bool TryWrite(ulong address, ReadOnlySpan<byte> source)
    {
        ulong at = address;
        for (ulong left = (ulong)source.Length; left > 0;)
        {
            if (Find(at, out ulong available, out bool isReadOnly) == null || isReadOnly)
            {
                return false;
            }

            ulong chunk = Math.Min(available, left);
            at += chunk;
            left -= chunk;
        }

        while (source.Length > 0)
        {
            byte* host = Find(address, out ulong available, out _);
            int chunk = (int)Math.Min(available, (ulong)source.Length);
            source[..chunk].CopyTo(new Span<byte>(host, chunk));
            CodePages?.Written(address, chunk);
            DirtyPages?.Mark(address, chunk);
            source = source[chunk..];
            address += (ulong)chunk;
        }

        return true;
    }

    /// <summary>Reads a 64-bit little-endian word.</summary>
    /// <param name="address">Guest-physical address.</param>
    /// <param name="value">The word.</param>
    public bool TryReadUInt64(ulong address, out ulong value)
    {
        byte* host = Find(address, out ulong available, out _);
        if (host != null && available >= sizeof(ulong))
        {
            value = Unsafe.ReadUnaligned<ulong>(host);
            return true;
        }

        value = 0;
        return false;
    }

    /// <summary>Reads a 32-bit little-endian word.</summary>
    /// <param name="address">Guest-physical address.</param>
    /// <param name="value">The word.</param>
    public bool TryReadUInt32(ulong address, out uint value)
    {
        byte* host = Find(address, out ulong available, out _);
        if (host != null && available >= sizeof(uint))
        {
            value = Unsafe.ReadUnaligned<uint>(host);
            return true;
        }

        value = 0;
        return false;
    }

    /// <summary>Changes one byte of RAM if it still is what was read: atomic against every processor.</summary>
    /// <param name="address">Guest-physical address.</param>
    /// <param name="expected">What it must be.</param>
    /// <param name="desired">What it becomes.</param>
    /// <param name="observed">What it was.</param>
    /// <returns>False when there is no RAM; true otherwise, exchanged or not (compare <paramref name="observed"/>).</returns>
    public bool TryCompareExchange(ulong address, byte expected, byte desired, out byte observed)
    {
        byte* host = Find(address, out _, out bool isReadOnly);
        if (host == null || isReadOnly)
        {
            observed = 0;
            return false;
        }

        // Safe: Find returned a byte inside a live mapping.
        observed = Interlocked.CompareExchange(ref *host, desired, expected);
        CodePages?.Written(address, 1, staysCode: true);
        DirtyPages?.Mark(address, 1);
        return true;
    }

    /// <summary>Whether RAM (and not ROM or nothing) is at an address.</summary>
    /// <param name="address">Guest-physical address.</param>
    public bool IsRam(ulong address) => Find(address, out _, out bool isReadOnly) != null && !isReadOnly;

    /// <summary>Unmaps. Only after every partition over it is closed: the kernel would otherwise fault on it.</summary>
    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        _regions = [];
        foreach (MemoryRegion mapping in _mappings)
        {
            _ = Munmap(mapping.HostAddress, (nuint)mapping.Length);
        }
    }

    private const int ProtReadWrite = 3;
    private const int MapPrivateAnonymousNoReserve = 0x2 | 0x20 | 0x4000;
    private const int MadvDontNeed = 4;

    private static nint Map(ulong length)
    {
        nint host = Mmap(0, (nuint)length, ProtReadWrite, MapPrivateAnonymousNoReserve, -1, 0);
        return host != -1
            ? host
            : throw new InsufficientMemoryException(
                $"The host refused to map {length >> 20} MiB of guest memory (mmap: {Marshal.GetLastPInvokeErrorMessage()}).");
    }

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint Mmap(nint address, nuint length, int protection, int flags, int descriptor, long offset);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    private static partial int Munmap(nint address, nuint length);

    [LibraryImport("libc", EntryPoint = "madvise", SetLastError = true)]
    private static partial int Madvise(nint address, nuint length, int advice);
}
