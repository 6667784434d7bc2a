using Microsoft.AspNetCore.WebUtilities;

namespace Hyperpatch.Web.Components.Machines;

/// <summary>The address of a comparison of two machines: what a link shares.</summary>
public static class CompareLink
{
    /// <summary>The address, relative to the site.</summary>
    /// <param name="left">The machine on the left, or null: still to be chosen.</param>
    /// <param name="right">The machine on the right, likewise.</param>
    /// <param name="range">How much time the chart shows, or null for the shortest.</param>
    public static string To(string? left, string? right = null, ChartRange? range = null) => QueryHelpers.AddQueryString(
        "compare",
        new KeyValuePair<string, string?>[] { new("left", left), new("right", right), new("range", range == ChartRange.All[0] ? null : range?.Id) }
            .Where(pair => !string.IsNullOrEmpty(pair.Value)));
}
