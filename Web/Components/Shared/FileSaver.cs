using Microsoft.JSInterop;

namespace Hyperpatch.Web.Components.Shared;

/// <summary>Hands a file over to the browser that exists in its page alone, and has no address to be fetched from.</summary>
/// <param name="browser">The browser.</param>
internal sealed class FileSaver(IJSRuntime browser) : IAsyncDisposable
{
    private IJSObjectReference? _module;

    /// <summary>Has the browser save it. A browser that is gone has no need of it.</summary>
    /// <param name="name">The file's name.</param>
    /// <param name="type">Its media type.</param>
    /// <param name="content">What is in it.</param>
    public async Task SaveAsync(string name, string type, Stream content)
    {
        ArgumentNullException.ThrowIfNull(content);
        try
        {
            _module ??= await browser.InvokeAsync<IJSObjectReference>("import", ScriptModules.Import(ScriptModules.SaveFile));
            using DotNetStreamReference stream = new(content, leaveOpen: true);
            await _module.InvokeVoidAsync("save", name, type, stream);
        }
        catch (Exception exception) when (BrowserLoss.Is(exception))
        {
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await BrowserFarewell.SayAsync(null, _module);
}
