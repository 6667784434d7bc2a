namespace Hyperpatch.Web.Configuration;

/// <summary>Who may use the dashboard.</summary>
public enum SecurityMode
{
    /// <summary>Whoever has the operator's or the viewer's token.</summary>
    Token,

    /// <summary>Everybody who can reach it; accepted only while bound to loopback.</summary>
    None,
}
