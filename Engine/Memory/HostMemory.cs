using System.Runtime.CompilerServices;

namespace Hyperpatch.Engine.Memory;

/// <summary>
/// Plain and atomic accesses by host address, for a processor in software that has checked its address against the guest's regions.
/// </summary>
/// <remarks>
/// Safe as long as the address came from <see cref="GuestMemory.Find"/> and the access stays on that page: the mapping lives longer than
/// every partition over it. Unaligned accesses are as on x86, the only processor that this code is for.
/// </remarks>
internal static unsafe class HostMemory
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte Read8(nint address) => *(byte*)address;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort Read16(nint address) => *(ushort*)address;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Read32(nint address) => *(uint*)address;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Read64(nint address) => *(ulong*)address;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write8(nint address, byte value) => *(byte*)address = value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write16(nint address, ushort value) => *(ushort*)address = value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write32(nint address, uint value) => *(uint*)address = value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write64(nint address, ulong value) => *(ulong*)address = value;

    /// <summary>Copies bytes out.</summary>
    public static void Read(nint address, Span<byte> destination) => new ReadOnlySpan<byte>((void*)address, destination.Length).CopyTo(destination);

    /// <summary>Whether memory holds these bytes.</summary>
    public static bool Holds(nint address, ReadOnlySpan<byte> bytes) => new ReadOnlySpan<byte>((void*)address, bytes.Length).SequenceEqual(bytes);

    /// <summary>Reads 1, 2, 4 or 8 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Read(nint address, int size) => size switch
    {
        1 => *(byte*)address,
        2 => *(ushort*)address,
        4 => *(uint*)address,
        _ => *(ulong*)address,
    };

    /// <summary>Writes 1, 2, 4 or 8 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(nint address, int size, ulong value)
    {
        switch (size)
        {
            case 1:
                *(byte*)address = (byte)value;
                break;
            case 2:
                *(ushort*)address = (ushort)value;
                break;
            case 4:
                *(uint*)address = (uint)value;
                break;
            default:
                *(ulong*)address = value;
                break;
        }
    }

    /// <summary>Exchanges 1, 2, 4 or 8 bytes if they are what was read. True when they were.</summary>
    public static bool CompareExchange(nint address, int size, ulong expected, ulong desired)
    {
        switch (size)
        {
            case 1:
                return Interlocked.CompareExchange(ref *(byte*)address, (byte)desired, (byte)expected) == (byte)expected;
            case 2:
                return Interlocked.CompareExchange(ref *(ushort*)address, (ushort)desired, (ushort)expected) == (ushort)expected;
            case 4:
                return Interlocked.CompareExchange(ref *(uint*)address, (uint)desired, (uint)expected) == (uint)expected;
            default:
                return Interlocked.CompareExchange(ref *(ulong*)address, desired, expected) == expected;
        }
    }

    /// <summary>Part of a page as a span.</summary>
    public static Span<byte> Bytes(nint address, int length) => new((void*)address, length);

    /// <summary>Fills a part of a page with copies of 1, 2, 4 or 8 bytes.</summary>
    public static void Fill(nint address, int bytes, int size, ulong value)
    {
        switch (size)
        {
            case 1:
                new Span<byte>((void*)address, bytes).Fill((byte)value);
                break;
            case 2:
                new Span<ushort>((void*)address, bytes / 2).Fill((ushort)value);
                break;
            case 4:
                new Span<uint>((void*)address, bytes / 4).Fill((uint)value);
                break;
            default:
                new Span<ulong>((void*)address, bytes / 8).Fill(value);
                break;
        }
    }

    /// <summary>Copies inside one page or between two, upwards, byte by byte as REP MOVSB shows it.</summary>
    public static void CopyUpwards(nint destination, nint source, int bytes)
    {
        long distance = destination - source;
        if (distance <= 0 || distance >= bytes)
        {
            Buffer.MemoryCopy((void*)source, (void*)destination, bytes, bytes);
            return;
        }

        for (int i = 0; i < bytes; i++)
        {
            ((byte*)destination)[i] = ((byte*)source)[i];
        }
    }
}
