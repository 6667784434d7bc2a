using Microsoft.AspNetCore.Components;

namespace Hyperpatch.Web.Components.Live;

/// <summary>A component that looks again about once a second, as long as it is shown.</summary>
public abstract class RefreshingComponent : ComponentBase, IDisposable
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(1);
    private readonly CancellationTokenSource _ended = new();

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Looks again. On the component's own dispatcher.</summary>
    protected virtual void Refresh()
    {
    }

    /// <summary>Ends the looking.</summary>
    /// <param name="disposing">Always true: nothing here needs a finaliser.</param>
    protected virtual void Dispose(bool disposing)
    {
        if (disposing)
        {
            _ended.Cancel();
            _ended.Dispose();
        }
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
                await InvokeAsync(() =>
                {
                    Refresh();
                    StateHasChanged();
                });
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or ObjectDisposedException)
        {
            // It is gone.
        }
    }
}
