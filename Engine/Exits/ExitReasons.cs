using Hyperpatch.Engine.Vendors;

namespace Hyperpatch.Engine.Exits;

/// <summary>What is known of each <see cref="ExitReason"/>.</summary>
public static class ExitReasons
{
    /// <summary>How many reasons there are, <see cref="ExitReason.None"/> included: the size of tables by reason.</summary>
    public const int Count = (int)ExitReason.Failure + 1;

    private static readonly string[] s_names = Enum.GetNames<ExitReason>();

    /// <summary>The reasons that are told of, in the order of their numbers.</summary>
    public static IReadOnlyList<ExitReason> Told { get; } = [.. Enum.GetValues<ExitReason>().Where(IsTold)];

    /// <summary>Whether a reason is told of: what the host itself brings about is nothing that the guest did.</summary>
    /// <param name="reason">The reason.</param>
    public static bool IsTold(this ExitReason reason) => reason is not (ExitReason.None or ExitReason.Interrupted);

    /// <summary>Name of a reason without allocation.</summary>
    /// <param name="reason">The reason.</param>
    public static string Name(this ExitReason reason) => s_names[(int)reason];

    /// <summary>The vendor's own code and name for a reason; of an access to a control register, for a write of CR0.</summary>
    /// <param name="reason">The reason.</param>
    /// <param name="vendor">The vendor that the guest sees.</param>
    public static NativeExit Native(this ExitReason reason, CpuVendor vendor)
    {
        ArgumentNullException.ThrowIfNull(vendor);
        return reason switch
        {
            ExitReason.InvalidOpcode => vendor.InvalidOpcode,
            ExitReason.Hypercall => vendor.Hypercall,
            ExitReason.PortIo => vendor.PortIo,
            ExitReason.Mmio => vendor.Mmio,
            ExitReason.Cpuid => vendor.Cpuid,
            ExitReason.MsrRead => vendor.MsrRead,
            ExitReason.MsrWrite => vendor.MsrWrite,
            ExitReason.ControlRegister => vendor.ControlRegister(0, isWrite: true),
            ExitReason.Halt => vendor.Halt,
            ExitReason.Debug or ExitReason.Breakpoint => vendor.Debug,
            ExitReason.Shutdown => vendor.Shutdown,
            ExitReason.Interrupted => vendor.Interrupted,
            _ => vendor.Failure,
        };
    }
}
