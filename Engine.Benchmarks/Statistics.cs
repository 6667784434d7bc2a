using System.Globalization;

namespace Hyperpatch.Engine.Benchmarks;

/// <summary>Medians, and how they are written.</summary>
internal static class Statistics
{
    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length == 0 ? double.NaN
            : sorted.Length % 2 == 1 ? sorted[sorted.Length / 2]
            : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
    }

    /// <summary>Median, with the smallest and the largest in brackets.</summary>
    public static string Spread(IReadOnlyCollection<double> values, string format = "0.00") =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{Text(Median(values), format)} ({Text(values.Min(), format)} to {Text(values.Max(), format)}, {values.Count} rounds)");

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
