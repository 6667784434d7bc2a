namespace Hyperpatch.Engine.Accelerators.Software;

#pragma warning disable CA1032, CA1064 // As GuestFault.

/// <summary>An instruction that the host must take part in (MMIO): it is given up here and begun again when the host has answered.</summary>
internal sealed class HostExit : Exception;
