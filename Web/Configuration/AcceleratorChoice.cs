namespace Hyperpatch.Web.Configuration;

/// <summary>Which back end machines are made with where nobody says otherwise.</summary>
public enum AcceleratorChoice
{
    /// <summary>The first that can be used on this host.</summary>
    Auto,

    /// <summary>Linux's KVM.</summary>
    Kvm,

    /// <summary>The software processor.</summary>
    Software,
}
