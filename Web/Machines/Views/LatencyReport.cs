using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Machine.Frames;

namespace Hyperpatch.Web.Machines.Views;

/// <summary>Handling times of a machine's exits: how long the host was at work on each, without the way into and out of the guest.</summary>
/// <param name="Range">The time that it is about: 1m, 5m, 15m or 1h up to now, or <c>all</c> since the machine was made.</param>
/// <param name="At">When it was made, in milliseconds since 1970 UTC.</param>
/// <param name="Reasons">By reason; the sum of all first, where there is more than one.</param>
public sealed record LatencyReport(string Range, double At, IReadOnlyList<LatencyView> Reasons)
{
    /// <summary>The range that is none: since the machine was made.</summary>
    public const string SinceStart = "all";

    /// <summary>By how much a percentile may be off at most, as a share of the exact one.</summary>
    public double ErrorBound => LatencyHistogram.ErrorBound;
}
