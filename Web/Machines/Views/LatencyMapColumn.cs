using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Machine;

namespace Hyperpatch.Web.Machines.Views;

/// <summary>A column of a heat map of handling times.</summary>
/// <param name="From">Its begin, in milliseconds since 1970 UTC.</param>
/// <param name="To">Its end, likewise.</param>
/// <param name="MaxNs">The longest time in it, in nanoseconds.</param>
/// <param name="Cells">Index of a bucket, how many exits, index, how many, and so on: the buckets that hold something, the shortest first.</param>
public sealed record LatencyMapColumn(double From, double To, double MaxNs, IReadOnlyList<long> Cells)
{
    /// <summary>Turns a column of the engine's into one.</summary>
    public static LatencyMapColumn Of(LatencyColumn column)
    {
        ArgumentNullException.ThrowIfNull(column);
        long[] cells = new long[column.Cells.Count * 2];
        for (int i = 0; i < column.Cells.Count; i++)
        {
            cells[i * 2] = column.Cells[i].Bucket;
            cells[(i * 2) + 1] = column.Cells[i].Count;
        }

        return new LatencyMapColumn(Math.Round(MomentClock.Shared.ToUnixMs(column.Started)), Math.Round(MomentClock.Shared.ToUnixMs(column.Timestamp)), column.Longest, cells);
    }
}
