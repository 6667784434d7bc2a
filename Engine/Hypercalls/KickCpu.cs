namespace Hyperpatch.Engine.Hypercalls;

/// <summary>KICK_CPU: a0 flags (unused), a1 APIC id. An unknown id is no error (kernel: kvm_pv_kick_cpu_op).</summary>
internal static class KickCpu
{
    public static long Handle(IHypercallHost host, in HypercallCall call)
    {
        if (call.Argument1 < (ulong)host.ProcessorCount)
        {
            host.WakeFromHalt((uint)call.Argument1);
        }

        return 0;
    }
}
