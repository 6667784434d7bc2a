namespace Hyperpatch.Engine.Hypercalls;

/// <summary>SCHED_YIELD: a0 APIC id of the processor that should run instead.</summary>
internal static class SchedYield
{
    public static long Handle(IHypercallHost host, in HypercallCall call)
    {
        if (call.Argument0 < (ulong)host.ProcessorCount)
        {
            // The host's scheduler cannot be pointed at one thread from here; giving up the time slice lets it run.
            host.Yield();
        }

        return 0;
    }
}
