namespace Hyperpatch.Engine.Hypercalls;

/// <summary>Negative results (include/uapi/linux/kvm_para.h).</summary>
public static class HypercallError
{
    /// <summary>-KVM_EPERM.</summary>
    public const long NotPermitted = -1;

    /// <summary>-KVM_EFAULT.</summary>
    public const long BadAddress = -14;

    /// <summary>-KVM_EINVAL.</summary>
    public const long Invalid = -22;

    /// <summary>-KVM_EOPNOTSUPP.</summary>
    public const long NotSupported = -95;

    /// <summary>-KVM_ENOSYS.</summary>
    public const long NoSuchCall = -1000;
}
