using Hyperpatch.Engine.Vendors;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Machines.Views;
using Microsoft.AspNetCore.Components;

namespace Hyperpatch.Web.Components.Pages;

/// <summary>What this host offers to guests, and how that was found out.</summary>
public sealed partial class HostPage : ComponentBase
{
    private HostView? _host;
    private HashSet<string> _used = [];

    /// <summary>The host's back ends.</summary>
    [Inject]
    public required AcceleratorSet Accelerators { get; init; }

    /// <inheritdoc/>
    protected override async Task OnInitializedAsync()
    {
        // The first probe runs guests, and waits for those that do not come back: not on the page's own thread.
        HostView host = await Task.Run(Accelerators.View);
        _used = [.. host.Accelerators.SelectMany(accelerator => accelerator.Levels.Values)];
        _host = host;
    }

    private static string VendorName(string id) => CpuVendor.TryParse(id, out CpuVendor? vendor) ? vendor.Name : id;
}
