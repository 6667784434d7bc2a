namespace Hyperpatch.Web.Machines.Views;

/// <summary>This host.</summary>
/// <param name="OperatingSystem">Its operating system.</param>
/// <param name="Processors">Its logical processors.</param>
/// <param name="MemoryMiB">Memory that guests can use at most, in MiB.</param>
/// <param name="Selected">The back end that auto takes, or null where there is none.</param>
/// <param name="ForcedLevel">The interception level that the settings force, or null.</param>
/// <param name="Accelerators">The back ends.</param>
public sealed record HostView(
    string OperatingSystem, int Processors, long MemoryMiB, string? Selected, string? ForcedLevel, IReadOnlyList<AcceleratorView> Accelerators);
