namespace Hyperpatch.Web.Security;

/// <summary>What a person may do.</summary>
public enum AccessRole
{
    /// <summary>Watch.</summary>
    Viewer,

    /// <summary>Watch and change.</summary>
    Operator,
}
