namespace Hyperpatch.Engine.Guests;

/// <summary>What a built-in guest is assembled for.</summary>
/// <param name="Processors">Number of processors, 1 to 64.</param>
/// <param name="MemoryBytes">RAM from guest-physical 0.</param>
/// <param name="CommandLine">Guest-specific words of the form <c>name=value</c>, separated by blanks; empty for defaults.</param>
public sealed record GuestBuildOptions(int Processors, ulong MemoryBytes, string CommandLine);
