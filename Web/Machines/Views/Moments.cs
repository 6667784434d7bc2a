using System.Diagnostics;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Machine.Frames;

namespace Hyperpatch.Web.Machines.Views;

/// <summary>The engine's times as moments of the calendar.</summary>
internal static class Moments
{
    /// <summary>A time of <see cref="Stopwatch"/> as a moment (UTC).</summary>
    /// <param name="timestamp">In its ticks.</param>
    public static DateTimeOffset Of(long timestamp) => OfUnixMs(MomentClock.Shared.ToUnixMs(timestamp));

    /// <summary>A time as <see cref="ExitEvent.At"/> has it as a moment (UTC).</summary>
    /// <param name="milliseconds">Since 1970 UTC.</param>
    public static DateTimeOffset OfUnixMs(double milliseconds) => DateTimeOffset.UnixEpoch.AddMilliseconds(milliseconds);
}
