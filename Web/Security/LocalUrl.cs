namespace Hyperpatch.Web.Security;

/// <summary>Addresses within this site.</summary>
internal static class LocalUrl
{
    /// <summary>
    /// Whether a text is a path of this site and nothing else. <c>//host</c> and <c>/\host</c> are other hosts to a browser, which
    /// also drops tabs and line breaks before it looks.
    /// </summary>
    public static bool IsLocal(string? url) =>
        url is ['/'] or ['/', not ('/' or '\\'), ..] && !url.Any(char.IsControl);

    /// <summary>The path if it is one of this site, else the home page.</summary>
    public static string OrHome(string? url) => IsLocal(url) ? url! : "/";
}
