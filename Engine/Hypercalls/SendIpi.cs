using System.Numerics;

namespace Hyperpatch.Engine.Hypercalls;

/// <summary>
/// SEND_IPI: a0/a1 bitmap of APIC ids from a2 on, a3 ICR. The halves hold 64 ids each for 64-bit callers and 32 for others
/// (kernel: kvm_pv_send_ipi).
/// </summary>
internal static class SendIpi
{
    private const ulong DestinationModeBit = 0x800;
    private const ulong ShorthandBits = 0xC_0000;

    public static long Handle(IHypercallHost host, in HypercallCall call)
    {
        if ((call.Argument3 & (DestinationModeBit | ShorthandBits)) != 0)
        {
            return HypercallError.Invalid;
        }

        byte vector = (byte)call.Argument3;
        int mode = (int)(call.Argument3 >> 8) & 7;
        ulong halfSize = call.Is64Bit ? 64u : 32u;
        // The kernel takes the lowest id as a 32-bit number.
        ulong first = (uint)call.Argument2;
        return Deliver(host, call.Argument0, first, vector, mode) + Deliver(host, call.Argument1, first + halfSize, vector, mode);
    }

    private static long Deliver(IHypercallHost host, ulong bitmap, ulong first, byte vector, int mode)
    {
        long delivered = 0;
        while (bitmap != 0)
        {
            ulong apicId = first + (ulong)BitOperations.TrailingZeroCount(bitmap);
            bitmap &= bitmap - 1;
            if (apicId < (ulong)host.ProcessorCount && host.DeliverInterrupt((uint)apicId, vector, mode))
            {
                delivered++;
            }
        }

        return delivered;
    }
}
