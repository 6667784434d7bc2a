using System.Diagnostics;
using Hyperpatch.Engine.Machine;

namespace Hyperpatch.Engine.Benchmarks;

/// <summary>What this process has used up to a moment, in which a server runs.</summary>
internal sealed record ServerUsage(long At, TimeSpan Cpu, long Exits, long Frame)
{
    /// <summary>Up to now.</summary>
    /// <param name="machine">The only machine that runs.</param>
    public static ServerUsage Of(VirtualMachine machine)
    {
        ArgumentNullException.ThrowIfNull(machine);
        using var self = Process.GetCurrentProcess();
        return new ServerUsage(Stopwatch.GetTimestamp(), self.TotalProcessorTime - ThreadTimes.Of($"{machine.Id}/vcpu"), machine.Journal.Count, machine.LatestFrame?.Sequence ?? 0);
    }

    /// <summary>What was used since. Memory last: it is that after a collection, whose work is not the server's.</summary>
    /// <param name="machine">The same machine.</param>
    public ServerLoad Until(VirtualMachine machine)
    {
        ServerUsage end = Of(machine);
        double seconds = Stopwatch.GetElapsedTime(At, end.At).TotalSeconds;
        double cpu = (end.Cpu - Cpu).TotalSeconds;
        return new ServerLoad(
            cpu * 1000 / Math.Max(1, end.Frame - Frame), cpu / seconds, (end.Exits - Exits) / seconds, GC.GetTotalMemory(forceFullCollection: true));
    }
}
