namespace Hyperpatch.Engine.Accelerators.Software;

#pragma warning disable CA1032, CA1064 // One for each processor, made once, thrown and caught inside it only.

/// <summary>An exception of the guest's on its way out of an instruction. Carries no stack of interest; never leaves the processor.</summary>
internal sealed class GuestFault : Exception
{
    public int Vector;
    public uint ErrorCode;
    public bool HasErrorCode;

    /// <summary>A #GP of an address that is not canonical, or outside its segment: #SS when the address was the stack's.</summary>
    public bool IsAddress;
}
