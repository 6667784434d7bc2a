using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Accelerators.Kvm;
using Hyperpatch.Engine.Accelerators.Software;
using Hyperpatch.Engine.Vendors;

namespace Hyperpatch.Engine.Tests.Support;

/// <summary>The back ends as theory data, and what stands behind them.</summary>
public static class Backends
{
    // Opened once: each would probe the host anew.
    private static readonly Lazy<KvmAccelerator> s_kvm = new(() => new KvmAccelerator());
    private static readonly Lazy<KvmAccelerator> s_kvmStep = new(() => new KvmAccelerator(InterceptionLevel.Step));

    private static readonly Lazy<KvmAccelerator> s_kvmNative = new(() => new KvmAccelerator(InterceptionLevel.Native));
    private static readonly SoftwareAccelerator s_software = new();

    /// <summary>All back ends.</summary>
    public static TheoryData<Backend> All => new(Enum.GetValues<Backend>());

    /// <summary>All back ends, the guest seeing either vendor.</summary>
    public static MatrixTheoryData<Backend, GuestVendor> AllWithVendors =>
        new(Enum.GetValues<Backend>(), Enum.GetValues<GuestVendor>());

    /// <summary>All back ends with each row of a table.</summary>
    /// <param name="rows">What tells the rows apart.</param>
    public static MatrixTheoryData<Backend, T> With<T>(params IEnumerable<T> rows) => new(Enum.GetValues<Backend>(), rows);

    /// <summary>The accelerator; skips the test, with the host's reason, where it cannot be used.</summary>
    /// <param name="backend">Which.</param>
    public static IAccelerator Open(this Backend backend)
    {
        IAccelerator accelerator = backend switch
        {
            Backend.Kvm => s_kvm.Value,
            Backend.KvmStep => s_kvmStep.Value,
            Backend.KvmNative => s_kvmNative.Value,
            Backend.Software or Backend.Deterministic => s_software,
            _ => throw new ArgumentOutOfRangeException(nameof(backend)),
        };
        AcceleratorAvailability answer = accelerator.Check();
        Accelerated.Require(answer.IsAvailable, answer.Reason);
        return accelerator;
    }

    /// <summary>
    /// Interrupts a second that a guest's periodic timer may ask for, so that its handler is through long before the next, on a busy host
    /// too: where every instruction takes its time, an interrupt that is already there at the handler's end lets nothing else run.
    /// </summary>
    /// <param name="backend">Where the guest runs.</param>
    /// <param name="isStepped">Whether the test steps through the handler.</param>
    public static long TicksPerSecond(this Backend backend, bool isStepped = false) => backend switch
    {
        // Its time is the number of instructions.
        Backend.Deterministic => 200_000,
        Backend.KvmStep => 100,
        _ => isStepped ? 100 : 1000,
    };

    /// <summary>The engine's vendor.</summary>
    /// <param name="vendor">Which.</param>
    public static CpuVendor Cpu(this GuestVendor vendor) => vendor == GuestVendor.Intel ? CpuVendor.Intel : CpuVendor.Amd;

    /// <summary>The other one.</summary>
    /// <param name="vendor">Which.</param>
    public static GuestVendor Other(this GuestVendor vendor) => vendor == GuestVendor.Intel ? GuestVendor.Amd : GuestVendor.Intel;

    /// <summary>Last byte of the vendor's hypercall instruction, from the manuals.</summary>
    /// <param name="vendor">Which.</param>
    public static byte Opcode(this GuestVendor vendor) => vendor == GuestVendor.Intel ? (byte)0xC1 : (byte)0xD9;
}
