using System.Runtime.InteropServices;
using System.Text.Json;
using Hyperpatch.Web.Components.Shared;
using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;

namespace Hyperpatch.Web.Components.Machines;

/// <summary>
/// The browser's side of a machine's page (wwwroot/js/machine). A call that the browser does not answer, because the connection is gone
/// for a while or for good, is forgotten: the next frame tells all of it again.
/// </summary>
public sealed class MachineScript : IAsyncDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(5);
    private readonly IJSObjectReference _module;
    private readonly IJSObjectReference _view;

    private MachineScript(IJSObjectReference module, IJSObjectReference view)
    {
        _module = module;
        _view = view;
    }

    /// <summary>Loads the module and binds it to the page's element.</summary>
    public static async Task<MachineScript> LoadAsync(IJSRuntime runtime, ElementReference root)
    {
        ArgumentNullException.ThrowIfNull(runtime);
        IJSObjectReference module = await runtime.InvokeAsync<IJSObjectReference>("import", "./js/machine/index.js");
        return new MachineScript(module, await module.InvokeAsync<IJSObjectReference>("create", root));
    }

    /// <summary>Hands over a frame.</summary>
    /// <param name="json">UTF-8 JSON.</param>
    public Task PushAsync(ReadOnlyMemory<byte> json) => CallAsync("push", Array(json));

    /// <summary>Hands over recorded exits with the filter they were asked for with.</summary>
    public Task SetExitsAsync(byte[] json, string? reason, int? processor) => CallAsync("setExits", json, reason, processor);

    /// <summary>Hands over what happened before the page was opened: points of the chart and patches.</summary>
    public Task BackfillAsync(MachineHistory history) =>
        CallAsync("backfill", JsonSerializer.SerializeToUtf8Bytes(history, JsonSerializerOptions.Web));

    /// <summary>Hands over further exits of the filter.</summary>
    public Task AddExitsAsync(byte[] json) => CallAsync("addExits", json);

    /// <summary>Holds the exits still, or lets them go on.</summary>
    public Task FreezeAsync(bool frozen) => CallAsync("freeze", frozen);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await CallAsync("dispose");
        try
        {
            await _view.DisposeAsync();
            await _module.DisposeAsync();
        }
        catch (Exception exception) when (BrowserLoss.Is(exception))
        {
            // The browser is gone, and the view with it.
        }
    }

    private static byte[] Array(ReadOnlyMemory<byte> bytes) =>
        MemoryMarshal.TryGetArray(bytes, out ArraySegment<byte> segment) && segment.Offset == 0 && segment.Count == segment.Array!.Length
            ? segment.Array
            : bytes.ToArray();

    private async Task CallAsync(string function, params object?[] arguments)
    {
        try
        {
            await _view.InvokeVoidAsync(function, s_limit, arguments);
        }
        catch (Exception exception) when (BrowserLoss.Is(exception))
        {
            // Told again by the next frame, or nobody is there to be told.
        }
    }
}
