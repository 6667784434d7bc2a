namespace Hyperpatch.Web.Components.Machines;

/// <summary>How much time a chart shows.</summary>
/// <param name="Id">As in the address.</param>
/// <param name="Title">As on the page.</param>
/// <param name="Milliseconds">So much.</param>
public sealed record ChartRange(string Id, string Title, int Milliseconds)
{
    /// <summary>The same as a time.</summary>
    public TimeSpan Span => TimeSpan.FromMilliseconds(Milliseconds);

    /// <summary>All, the shortest first. The first is shown where none is asked for.</summary>
    public static IReadOnlyList<ChartRange> All { get; } =
    [
        new("1m", "1 min", 60_000),
        new("5m", "5 min", 300_000),
        new("15m", "15 min", 900_000),
        new("1h", "1 h", 3_600_000),
    ];

    /// <summary>The range of an address, or null.</summary>
    public static ChartRange? Find(string? id) => All.FirstOrDefault(range => string.Equals(range.Id, id, StringComparison.OrdinalIgnoreCase));
}
