using System.Buffers.Binary;

namespace Hyperpatch.Engine.Hypercalls;

/// <summary>
/// CLOCK_PAIRING: a0 guest-physical address of struct kvm_clock_pairing (64 bytes), a1 clock type, of which there is only 0, the
/// wall clock: its time and the guest's time-stamp counter of one moment.
/// </summary>
internal static class ClockPairing
{
    private const int Size = 64;
    private const ulong WallClock = 0;

    public static long Handle(IHypercallHost host, in HypercallCall call)
    {
        if (call.Argument1 != WallClock)
        {
            return HypercallError.NotSupported;
        }

        Span<byte> pairing = stackalloc byte[Size];
        pairing.Clear();
        ulong tsc = host.ReadTimestampCounter();
        long ticks = host.ReadWallClock().Ticks;
        BinaryPrimitives.WriteInt64LittleEndian(pairing, ticks / TimeSpan.TicksPerSecond);
        BinaryPrimitives.WriteInt64LittleEndian(
            pairing[8..], ticks % TimeSpan.TicksPerSecond * TimeSpan.NanosecondsPerTick);
        BinaryPrimitives.WriteUInt64LittleEndian(pairing[16..], tsc);
        return host.Memory.TryWrite(call.Argument0, pairing) ? 0 : HypercallError.BadAddress;
    }
}
