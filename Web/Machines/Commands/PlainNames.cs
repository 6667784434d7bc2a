namespace Hyperpatch.Web.Machines.Commands;

/// <summary>Words of a request, as they are allowed to be.</summary>
internal static class PlainNames
{
    /// <summary>The sentence for a word that is not allowed.</summary>
    public static string NotAllowed(string field, string? value, IEnumerable<string> allowed) =>
        $"Field \"{field}\" is \"{Shorten(value)}\"; allowed: {string.Join(", ", allowed)}.";

    // What comes back in an error has a bound.
    private static string? Shorten(string? value) => value is { Length: > 60 } ? value[..60] + "..." : value;
}
