using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Web.Machines.Views;

namespace Hyperpatch.Web.Components.Machines;

/// <summary>What the latency pane gets once a second.</summary>
/// <param name="IsFirst">Whether it begins anew: what was shown before was of another reason or range.</param>
/// <param name="Figures">Percentiles by reason; of the sum alone, or the only one, with its histogram.</param>
/// <param name="Bounds">Lower bound of every bucket in nanoseconds, and last where the highest ends; in the first update alone.</param>
/// <param name="Columns">New columns of the heat map.</param>
internal sealed record LatencyUpdate(bool IsFirst, IReadOnlyList<LatencyView> Figures, IReadOnlyList<double>? Bounds, IReadOnlyList<LatencyMapColumn> Columns)
{
    /// <summary>Makes an update.</summary>
    public static LatencyUpdate Of(bool isFirst, IReadOnlyList<LatencyView> views, LatencyMap map)
    {
        // The page draws one histogram: the others' need not travel.
        IReadOnlyList<LatencyView> figures = [.. views.Select((view, index) => index == 0 ? view : view with { Buckets = [] })];
        return new LatencyUpdate(isFirst, figures, isFirst ? map.BoundsNs : null, map.Columns);
    }
}
