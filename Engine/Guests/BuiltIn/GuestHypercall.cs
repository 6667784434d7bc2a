namespace Hyperpatch.Engine.Guests.BuiltIn;

/// <summary>Hypercall numbers as the guests' code uses them (kernel: <c>uapi/linux/kvm_para.h</c>).</summary>
internal static class GuestHypercall
{
    /// <summary>KVM_HC_VAPIC_POLL_IRQ; result 0.</summary>
    public const int VapicPollIrq = 1;

    /// <summary>KVM_HC_KICK_CPU; RBX flags, RCX APIC id; result 0.</summary>
    public const int KickCpu = 5;

    /// <summary>KVM_HC_CLOCK_PAIRING; RBX address of 64 bytes, RCX clock type.</summary>
    public const int ClockPairing = 9;

    /// <summary>KVM_HC_SEND_IPI; RBX and RCX bitmap, RDX lowest APIC id, RSI ICR; result: how many took it.</summary>
    public const int SendIpi = 10;

    /// <summary>KVM_HC_SCHED_YIELD; RBX APIC id; result 0.</summary>
    public const int SchedYield = 11;

    /// <summary>A number that nobody knows; result <see cref="NoSuchCall"/>.</summary>
    public const int Unknown = 0x1234;

    /// <summary>-KVM_ENOSYS.</summary>
    public const int NoSuchCall = -1000;
}
