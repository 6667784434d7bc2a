using System.Security.Claims;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Machines.Commands;
using Hyperpatch.Web.Machines.Views;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Authorization;

namespace Hyperpatch.Web.Components.Pages;

/// <summary>The home page: a card a machine.</summary>
public sealed partial class Machines : ComponentBase, IDisposable
{
    private readonly CancellationTokenSource _end = new();
    private IReadOnlyList<MachineView> _machines = [];
    private ClaimsPrincipal _user = new();
    private string? _problem;

    /// <summary>The command service.</summary>
    [Inject]
    public required MachineCommands Commands { get; init; }

    /// <summary>Tells when machines come and go.</summary>
    [Inject]
    public required MachineRegistry Registry { get; init; }

    /// <summary>Why there may be no machine at all.</summary>
    [Inject]
    public required DemoMachine Demo { get; init; }

    /// <summary>Who looks.</summary>
    [CascadingParameter]
    public required Task<AuthenticationState> Authentication { get; set; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Registry.Changed -= Refresh;
        _end.Cancel();
        _end.Dispose();
    }

    /// <inheritdoc/>
    protected override async Task OnInitializedAsync()
    {
        _user = (await Authentication).User;
        Registry.Changed += Refresh;
        Load();
        _ = FollowAsync(_end.Token);
    }

    private void Load() => _machines = Commands.List(_user);

    private void Refresh() => _ = InvokeAsync(() =>
    {
        Load();
        StateHasChanged();
    });

    // Numbers on cards: once a second is enough to see that a machine is alive.
    private async Task FollowAsync(CancellationToken cancellation)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1));
        try
        {
            while (await timer.WaitForNextTickAsync(cancellation))
            {
                Refresh();
            }
        }
        catch (OperationCanceledException)
        {
            // The page is gone.
        }
    }

    private Task RunAsync(string id) => DoAsync(Commands.RunAsync(_user, id));

    private Task PauseAsync(string id) => DoAsync(Commands.PauseAsync(_user, id));

    private Task DeleteAsync(string id) => DoAsync(Commands.DeleteAsync(_user, id));

    private async Task DoAsync(Task<CommandResult<ManagedMachine>> command)
    {
        _problem = (await command).Error?.Message;
        Load();
    }
}
