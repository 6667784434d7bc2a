using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Web.Export;

namespace Hyperpatch.Engine.Tests.Web.Components;

/// <summary>The views of handling times as plain tables.</summary>
public sealed class LatencyTablesTests
{
    private static readonly LatencyView s_view = new("PortIo", new LatencyFigures(3, 10, 20, 20, 21), [new LatencyBucket(10, 10, 11, 2), new LatencyBucket(17, 20, 22, 1)]);

    [Fact]
    public void A_reason_is_a_row_and_a_bucket_is_one()
    {
        Check(LatencyTables.Percentiles([s_view]), ["PortIo", 3L, 10.0, 20.0, 20.0, 21.0]);
        Check(LatencyTables.Histograms([s_view]), ["PortIo", 10.0, 11.0, 2L], ["PortIo", 20.0, 22.0, 1L]);
        Assert.Empty(LatencyTables.Percentiles([]).Rows);
    }

    [Fact]
    public void A_cell_of_the_heat_map_is_a_row()
    {
        ExportTable table = LatencyTables.HeatMap([new LatencyColumn(0, System.Diagnostics.Stopwatch.Frequency, 21, [new LatencyCell(LatencyHistogram.Bucket(20), 4)])]);
        object?[] row = Assert.Single(table.Rows);
        Assert.Equal(1000.0, ((DateTimeOffset)row[1]! - (DateTimeOffset)row[0]!).TotalMilliseconds, 1.0);
        Assert.Equal([20.0, 22.0, 4L], row.Skip(2).ToArray());
        Assert.Equal(table.Columns.Count, row.Length);
    }

    [Fact]
    public void Hypercalls_that_were_not_seen_have_empty_places() => Check(
        LatencyTables.Hypercalls(
        [
            new HypercallView(5, "KICK_CPU", 7, ["0x0", "0x1", "0x2", "0x3"], -22) { Times = new LatencyFigures(6, 1, 2, 3, 4) },
            new HypercallView(-1, "unknown", 1, null, null),
        ]),
        [5, "KICK_CPU", 7L, "0x0", "0x1", "0x2", "0x3", -22L, 6L, 1.0, 2.0, 3.0, 4.0],
        [-1, "unknown", 1L, null, null, null, null, null, null, null, null, null, null]);

    private static void Check(ExportTable table, params object?[][] rows)
    {
        Assert.All(table.Rows, row => Assert.Equal(table.Columns.Count, row.Length));
        Assert.Equal(rows, table.Rows);
    }
}
