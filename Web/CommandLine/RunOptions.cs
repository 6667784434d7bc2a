using Hyperpatch.Engine.Guests.Loading;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Vendors;
using Hyperpatch.Web.Configuration;

namespace Hyperpatch.Web.CommandLine;

/// <summary>What <c>run GUEST</c> was asked to do.</summary>
internal sealed record RunOptions
{
    /// <summary>A guest of the catalogue, or the path of an image file.</summary>
    public required string Guest { get; init; }

    /// <summary>What is said about an image file.</summary>
    public required ImageSettings Image { get; init; }

    /// <summary>The vendor that the guest sees first.</summary>
    public required CpuVendor Vendor { get; init; }

    /// <summary>The back end.</summary>
    public required AcceleratorChoice Accelerator { get; init; }

    /// <summary>Whether the run repeats exactly.</summary>
    public required bool Deterministic { get; init; }

    /// <summary>Whether accesses to control registers are exits.</summary>
    public required bool InterceptControlRegisters { get; init; }

    /// <summary>What is done with the wrong vendor's hypercalls.</summary>
    public required PatchPolicy Policy { get; init; }

    /// <summary>Processors.</summary>
    public required int Processors { get; init; }

    /// <summary>Memory in MiB.</summary>
    public required int MemoryMiB { get; init; }

    /// <summary>The guest's command line.</summary>
    public required string CommandLine { get; init; }

    /// <summary>Hypercalls between two vendor switches, or null for none.</summary>
    public required long? SwitchVendorAfter { get; init; }

    /// <summary>The time limit.</summary>
    public required TimeSpan Timeout { get; init; }

    /// <summary>Where the summary goes, or null.</summary>
    public required FileInfo? Summary { get; init; }
}
