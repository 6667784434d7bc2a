using Microsoft.JSInterop;

namespace Hyperpatch.Web.Components.Shared;

/// <summary>Lets go of what a page holds in its browser.</summary>
public static class BrowserFarewell
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// Tells a view to end, and forgets it and its module. A browser that is being cut off never answers, and a server that stops with
    /// pages open must not wait for each: after half a second it is left to itself.
    /// </summary>
    /// <param name="view">The view, which has a function <c>dispose</c>.</param>
    /// <param name="module">Its module.</param>
    public static async Task SayAsync(IJSObjectReference? view, IJSObjectReference? module)
    {
        try
        {
            await AllAsync(view, module).WaitAsync(s_limit);
        }
        catch (TimeoutException)
        {
            // What it still held goes with its page.
        }
    }

    private static async Task AllAsync(IJSObjectReference? view, IJSObjectReference? module)
    {
        try
        {
            if (view is not null)
            {
                await view.InvokeVoidAsync("dispose", s_limit);
                await view.DisposeAsync();
            }

            if (module is not null)
            {
                await module.DisposeAsync();
            }
        }
        catch (Exception exception) when (BrowserLoss.Is(exception))
        {
            // The browser is gone, and the view with it.
        }
    }
}
