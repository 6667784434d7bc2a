using Hyperpatch.Web.Machines;
using Microsoft.AspNetCore.SignalR;

namespace Hyperpatch.Web.Hubs;

/// <summary>Tells the hub's clients when machines come and go.</summary>
internal sealed class MachinesNotifier(MachineRegistry registry, IHubContext<MachinesHub, IMachinesClient> hub) : IHostedService
{
    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        registry.Changed += Notify;
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken)
    {
        registry.Changed -= Notify;
        return Task.CompletedTask;
    }

    private void Notify() => _ = hub.Clients.All.MachinesChanged();
}
