namespace Hyperpatch.Engine.Tests.Support;

/// <summary>A back end that the guests' tests run on. All of them must do the same.</summary>
public enum Backend
{
    /// <summary>KVM at the level that the probe finds.</summary>
    Kvm,

    /// <summary>KVM, single-stepped.</summary>
    KvmStep,

    /// <summary>KVM at the level native, forced: patched sites are watched by breakpoints, the rest is as at trap on a host that traps.</summary>
    KvmNative,

    /// <summary>The processor in software.</summary>
    Software,

    /// <summary>The processor in software, its machine deterministic.</summary>
    Deterministic,
}
