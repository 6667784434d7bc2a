using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Machine.Frames;

namespace Hyperpatch.Web.Machines.Views;

/// <summary>A hypercall site with its history, as the API shows it.</summary>
/// <param name="Id">Its number in the machine, from 1.</param>
/// <param name="Address">Linear address.</param>
/// <param name="Physical">Guest-physical address of the byte that differs between vendors.</param>
/// <param name="Bytes">The instruction's bytes as last seen.</param>
/// <param name="Instruction">Its mnemonic.</param>
/// <param name="Calls">Hypercalls served from here.</param>
/// <param name="Patches">Times that the byte was written.</param>
/// <param name="LastVendor">The vendor under which it was last used, or null.</param>
/// <param name="History">What happened here, oldest first.</param>
public sealed record SiteDetail(
    int Id, string Address, string Physical, string Bytes, string Instruction, long Calls, long Patches, string? LastVendor, IReadOnlyList<SiteEvent> History)
{
    /// <summary>The view of one site.</summary>
    public static SiteDetail Of(HypercallSite site)
    {
        ArgumentNullException.ThrowIfNull(site);
        SiteView view = MachineViews.Site(site);
        return new SiteDetail(
            view.Id, view.Address, ExitEvents.Hex(site.Physical), view.Bytes, view.Instruction, view.Calls, view.Patches, view.LastVendor,
            [.. site.History.Select(SiteEvent.Of)]);
    }
}
