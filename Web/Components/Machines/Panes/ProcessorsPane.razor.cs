using Hyperpatch.Web.Machines;
using Microsoft.AspNetCore.Components;

namespace Hyperpatch.Web.Components.Machines.Panes;

/// <summary>A card a processor; registers are looked at again about once a second.</summary>
public sealed partial class ProcessorsPane : ComponentBase, IDisposable
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(1);
    private readonly CancellationTokenSource _ended = new();

    /// <summary>The machine.</summary>
    [Parameter, EditorRequired]
    public ManagedMachine Machine { get; set; } = default!;

    /// <inheritdoc/>
    public void Dispose()
    {
        _ended.Cancel();
        _ended.Dispose();
    }

    /// <inheritdoc/>
    protected override void OnAfterRender(bool firstRender)
    {
        if (firstRender)
        {
            _ = RefreshAsync(_ended.Token);
        }
    }

    private async Task RefreshAsync(CancellationToken cancellation)
    {
        try
        {
            using PeriodicTimer timer = new(s_interval);
            while (await timer.WaitForNextTickAsync(cancellation))
            {
                await InvokeAsync(StateHasChanged);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or ObjectDisposedException)
        {
            // The pane is gone.
        }
    }
}
