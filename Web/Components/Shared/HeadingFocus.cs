using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;

namespace Hyperpatch.Web.Components.Shared;

/// <summary>
/// Takes the focus to a page's heading, so that a screen reader tells where one is: as <c>FocusOnNavigate</c> of the framework does, but for
/// the page that a browser has just loaded only where nothing has the focus yet. There the call comes a moment after the page, and who has
/// pressed Tab or clicked meanwhile would lose the place.
/// </summary>
public sealed class HeadingFocus : ComponentBase, IAsyncDisposable
{
    private IJSObjectReference? _module;
    private Type? _page;
    private bool _isFirst = true;
    private bool _isDue;

    /// <summary>The page that is shown.</summary>
    [Parameter, EditorRequired]
    public Type Page { get; set; } = default!;

    /// <summary>The browser.</summary>
    [Inject]
    public required IJSRuntime Browser { get; init; }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await BrowserFarewell.SayAsync(null, _module);

    /// <inheritdoc/>
    protected override void OnParametersSet()
    {
        _isDue |= Page != _page;
        _page = Page;
    }

    /// <inheritdoc/>
    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (!_isDue)
        {
            return;
        }

        bool isFirst = _isFirst;
        (_isDue, _isFirst) = (false, false);
        try
        {
            _module ??= await Browser.InvokeAsync<IJSObjectReference>("import", ScriptModules.Import(ScriptModules.HeadingFocus));
            await _module.InvokeVoidAsync("focusHeading", isFirst);
        }
        catch (Exception exception) when (BrowserLoss.Is(exception) || exception is JSException)
        {
            // Nobody is there to read it, or the module did not arrive: a page without its heading's focus is a page all the same.
        }
    }
}
