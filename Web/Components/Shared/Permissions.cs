using Hyperpatch.Web.Texts;

namespace Hyperpatch.Web.Components.Shared;

/// <summary>Words on what a person may do.</summary>
public static class Permissions
{
    /// <summary>Why a control is off for a viewer.</summary>
    public static string ViewersWatch => ShellTexts.ViewersWatch;
}
