using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Vendors;

namespace Hyperpatch.Web.Configuration;

/// <summary>The section <c>Demo</c> of appsettings.json: the machine that runs from the start.</summary>
public sealed class DemoOptions
{
    /// <summary>Whether there is such a machine.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>Its guest, from the catalogue.</summary>
    public string Guest { get; init; } = "mixed";

    /// <summary>Its processors, 1 to 64; 0: as many as the guest is best shown with.</summary>
    public int Processors { get; init; }

    /// <summary>Its memory in MiB, 1 to 65536.</summary>
    public int MemoryMiB { get; init; } = 64;

    /// <summary>The vendor that it sees first.</summary>
    public CpuVendor Vendor { get; init; } = CpuVendor.Intel;

    /// <summary>What is done with the wrong vendor's hypercalls.</summary>
    public PatchPolicy Policy { get; init; } = PatchPolicy.Force;

    /// <summary>The guest's command line.</summary>
    public string CommandLine { get; init; } = "";

    /// <summary>Reads and checks the section.</summary>
    /// <exception cref="SettingsException">A value is not allowed or a key is not known.</exception>
    public static DemoOptions Read(IConfiguration configuration)
    {
        var section = new SettingsSection(configuration, "Demo");
        string? vendorText = section.Text(nameof(Vendor));
        CpuVendor? vendor = CpuVendor.Intel;
        if (vendorText is not null && !CpuVendor.TryParse(vendorText, out vendor))
        {
            throw section.Bad(nameof(Vendor), vendorText, string.Join(", ", CpuVendor.All.Select(v => v.Id)));
        }

        var options = new DemoOptions
        {
            Enabled = section.Flag(nameof(Enabled), true),
            Guest = section.Text(nameof(Guest)) ?? "mixed",
            Processors = section.Integer(nameof(Processors), 0, 64, 0),
            MemoryMiB = section.Integer(nameof(MemoryMiB), 1, 65_536, 64),
            Vendor = vendor,
            Policy = section.Choice(nameof(Policy), PatchPolicy.Force),
            CommandLine = section.Text(nameof(CommandLine)) ?? "",
        };
        section.RefuseUnknownKeys();
        return options;
    }
}
