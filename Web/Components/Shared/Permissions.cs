namespace Hyperpatch.Web.Components.Shared;

/// <summary>Words on what a person may do.</summary>
public static class Permissions
{
    /// <summary>Why a control is off for a viewer.</summary>
    public const string ViewersWatch = "You are logged in as a viewer: viewers watch, operators change things.";
}
