namespace Hyperpatch.Engine.Hypercalls;

/// <summary>KVM's hypercall numbers (include/uapi/linux/kvm_para.h).</summary>
public static class HypercallNumber
{
    /// <summary>KVM_HC_VAPIC_POLL_IRQ.</summary>
    public const ulong VapicPollIrq = 1;

    /// <summary>KVM_HC_KICK_CPU.</summary>
    public const ulong KickCpu = 5;

    /// <summary>KVM_HC_CLOCK_PAIRING.</summary>
    public const ulong ClockPairing = 9;

    /// <summary>KVM_HC_SEND_IPI.</summary>
    public const ulong SendIpi = 10;

    /// <summary>KVM_HC_SCHED_YIELD.</summary>
    public const ulong SchedYield = 11;

    /// <summary>KVM_HC_MAP_GPA_RANGE.</summary>
    public const ulong MapGpaRange = 12;

    /// <summary>Highest number that has a name, plus one: size of tables by number. Others count together.</summary>
    public const int TableSize = 13;

    private static readonly string[] s_names =
    [
        "none", "VAPIC_POLL_IRQ", "MMU_OP", "FEATURES", "PPC_MAP_MAGIC_PAGE", "KICK_CPU", "MIPS_GET_CLOCK_FREQ",
        "MIPS_EXIT_VM", "MIPS_CONSOLE_OUTPUT", "CLOCK_PAIRING", "SEND_IPI", "SCHED_YIELD", "MAP_GPA_RANGE",
    ];

    /// <summary>Name of a number as in kvm_para.h without KVM_HC_, or <c>unknown</c>.</summary>
    /// <param name="number">The number.</param>
    public static string Name(ulong number) => number is > 0 and < TableSize ? s_names[number] : "unknown";
}
