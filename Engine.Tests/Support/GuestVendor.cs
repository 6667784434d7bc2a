namespace Hyperpatch.Engine.Tests.Support;

/// <summary>The vendor that a guest sees, or whose form an instruction has.</summary>
public enum GuestVendor
{
    /// <summary>VMCALL, 0F 01 C1.</summary>
    Intel,

    /// <summary>VMMCALL, 0F 01 D9.</summary>
    Amd,
}
