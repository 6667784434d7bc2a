namespace Hyperpatch.Engine.Accelerators;

/// <summary>How much of a guest's hypercalls a back end can show on this host.</summary>
public enum InterceptionLevel
{
    /// <summary>Both vendors' instructions come to the host: every hypercall and every patch is seen.</summary>
    Trap,

    /// <summary>
    /// The host's kernel serves its own vendor's instruction without an exit; the other vendor's comes to the host. Every
    /// patch is seen; calls are seen at up to three patched sites, and counted by the kernel.
    /// </summary>
    Native,

    /// <summary>The guest is single-stepped: everything is seen, slowly.</summary>
    Step,
}
