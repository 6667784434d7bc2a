using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Machines.HostKvm;
using Hyperpatch.Web.Machines.Views;

namespace Hyperpatch.Web.Api;

/// <summary>/api/host and /api/guests: what there is to make machines of.</summary>
internal static class HostEndpoints
{
    /// <summary>Maps the calls.</summary>
    public static void MapHost(this RouteGroupBuilder api)
    {
        api.MapGet("/host", (AcceleratorSet accelerators) => accelerators.View())
            .WithTags("Host").WithName("GetHost").WithSummary("Accelerators, with the reason why one is missing, and what the probe found.").Produces<HostView>();
        api.MapGet("/host/kvm", (KvmHostMonitor monitor) => monitor.View())
            .WithTags("Host").WithName("GetKvm").WithSummary("KVM's own counters, of every machine of this host that is visible, with their rates.").Produces<KvmHostView>();
        api.MapHostExports();
        api.MapGet("/guests", () => GuestViews.All)
            .WithTags("Host").WithName("ListGuests").WithSummary("The catalogue of built-in guests.").Produces<IReadOnlyList<GuestView>>();
    }
}
