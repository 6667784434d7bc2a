namespace Hyperpatch.Web.Startup;

/// <summary>Which addresses programs ask for and which ones people open: programs get status codes and problem details, people pages.</summary>
internal static class ProgramPaths
{
    /// <summary>Where Prometheus looks.</summary>
    public const string Metrics = "/metrics";

    private static readonly string[] s_prefixes = ["/api", "/hubs", "/_blazor", "/openapi", Metrics];

    /// <summary>Whether a request is a program's.</summary>
    public static bool Match(HttpRequest request) => Array.Exists(s_prefixes, prefix => request.Path.StartsWithSegments(prefix));
}
