using Hyperpatch.Engine.Accelerators.Software.Apic;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>Time that stands still until the test moves it. The time-stamp counter runs at 2 GHz.</summary>
internal sealed class ApicClock : IApicClock
{
    public ulong Now { get; set; } = 1_000;

    /// <summary>What the time-stamp counter was at time 0.</summary>
    public ulong TimestampOffset { get; set; }

    public ulong TimeOfTimestamp(ulong timestamp) => timestamp <= TimestampOffset ? 0 : (timestamp - TimestampOffset + 1) / 2;
}
