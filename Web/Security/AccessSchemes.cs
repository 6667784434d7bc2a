namespace Hyperpatch.Web.Security;

/// <summary>Names of the authentication schemes.</summary>
internal static class AccessSchemes
{
    /// <summary>Picks one of the two below by what the request carries.</summary>
    public const string Automatic = "Hyperpatch";

    /// <summary>A token in the request itself: programs.</summary>
    public const string Bearer = "Bearer";

    /// <summary>A session after a log-in: browsers.</summary>
    public const string Session = "Session";

    /// <summary>Security:Mode None: everybody is an operator.</summary>
    public const string Open = "Open";
}
