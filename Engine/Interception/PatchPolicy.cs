namespace Hyperpatch.Engine.Interception;

/// <summary>What is done with the wrong vendor's hypercall instruction.</summary>
public enum PatchPolicy : byte
{
    /// <summary>Written through guest-physical memory whatever the guest's page tables say; ROM falls back to emulation.</summary>
    Force,

    /// <summary>Written with the guest's own permissions: read-only text gets the guest a #PF, as the kernel's KVM does.</summary>
    Faithful,

    /// <summary>Served without changing the guest's memory.</summary>
    Emulate,

    /// <summary>#UD to the guest, bytes untouched: KVM with the quirk FIX_HYPERCALL_INSN off.</summary>
    Inject,
}
