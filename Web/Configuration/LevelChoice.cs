namespace Hyperpatch.Web.Configuration;

/// <summary>How hypercalls are intercepted.</summary>
public enum LevelChoice
{
    /// <summary>What the probe of the host found to be best.</summary>
    Auto,

    /// <summary>Both vendors' instructions exit.</summary>
    Trap,

    /// <summary>The host serves its own vendor's instruction by itself.</summary>
    Native,

    /// <summary>Single-stepping: everything is seen, slowly.</summary>
    Step,
}
