namespace Hyperpatch.Engine.Vendors;

/// <summary>An exit as one vendor's manual names it.</summary>
/// <param name="Code">VMX basic exit reason (Intel SDM vol. 3, appendix C) or SVM EXITCODE (AMD APM vol. 2, appendix C).</param>
/// <param name="Name">The manual's (and the kernel's) name for it.</param>
public readonly record struct NativeExit(uint Code, string Name);
