using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Machine;

namespace Hyperpatch.Web.Components.Machines;

/// <summary>Exits a second over the last hour, column by column: an hour fits into some tens of kilobytes.</summary>
/// <param name="At">Ends of the steps, in milliseconds since 1970 UTC, oldest first.</param>
/// <param name="Rates">By reason, those that occurred: exits a second over each step.</param>
public sealed record RatePoints(IReadOnlyList<double> At, IReadOnlyDictionary<string, float[]> Rates)
{
    /// <summary>Turns samples into columns.</summary>
    public static RatePoints Of(IReadOnlyList<RateSample> samples)
    {
        ArgumentNullException.ThrowIfNull(samples);
        Dictionary<string, float[]> rates = [];
        for (int reason = 1; reason < ExitReasons.Count; reason++)
        {
            float[] column = [.. samples.Select(sample => MathF.Round(sample.Rates[reason], 1))];
            if (column.Any(rate => rate > 0))
            {
                rates[((ExitReason)reason).Name()] = column;
            }
        }

        return new RatePoints([.. samples.Select(sample => Math.Round(MomentClock.Shared.ToUnixMs(sample.Timestamp)))], rates);
    }
}
