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
    private readonly CancellationTokenSource _ended = new();

    private MachineScript(IJSObjectReference module, IJSObjectReference view)
    {
        _module = module;
        _view = view;
    }

    /// <summary>Loads the module and binds it to the page's element.</summary>
    public static async Task<MachineScript> LoadAsync(IJSRuntime runtime, ElementReference root)
    {
        ArgumentNullException.ThrowIfNull(runtime);
        IJSObjectReference module = await runtime.InvokeAsync<IJSObjectReference>("import", ScriptModules.Import(ScriptModules.Machine));
        return new MachineScript(module, await module.InvokeAsync<IJSObjectReference>("create", root));
    }

    /// <summary>Hands over a frame.</summary>
    /// <param name="json">UTF-8 JSON.</param>
    public Task PushAsync(ReadOnlyMemory<byte> json) => CallAsync("push", Array(json));

    /// <summary>Hands over recorded exits with the filter that they were asked for with, as text; null is no filter.</summary>
    public Task SetExitsAsync(byte[] json, string? filter) => CallAsync("setExits", json, filter);

    /// <summary>Hands over what happened before the page was opened: points of the chart and patches.</summary>
    public Task BackfillAsync(MachineHistory history) =>
        CallAsync("backfill", JsonSerializer.SerializeToUtf8Bytes(history, JsonSerializerOptions.Web));

    /// <summary>Hands over further exits of the filter.</summary>
    public Task AddExitsAsync(byte[] json) => CallAsync("addExits", json);

    /// <summary>Holds the exits still, or lets them go on.</summary>
    public Task FreezeAsync(bool frozen) => CallAsync("freeze", frozen);

    /// <summary>Hands over handling times.</summary>
    /// <returns>Whether the browser took them.</returns>
    public Task<bool> ShowLatencyAsync(byte[] json) => CallAsync("showLatency", json);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        // Calls that wait for an answer stop waiting, and with them whoever made them.
        await _ended.CancelAsync();
        _ended.Dispose();
        await BrowserFarewell.SayAsync(_view, _module);
    }

    private static byte[] Array(ReadOnlyMemory<byte> bytes) =>
        MemoryMarshal.TryGetArray(bytes, out ArraySegment<byte> segment) && segment.Offset == 0 && segment.Count == segment.Array!.Length
            ? segment.Array
            : bytes.ToArray();

    private async Task<bool> CallAsync(string function, params object?[] arguments)
    {
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(_ended.Token);
            limit.CancelAfter(s_limit);
            await _view.InvokeVoidAsync(function, limit.Token, arguments);
            return true;
        }
        catch (Exception exception) when (BrowserLoss.Is(exception))
        {
            // Told again by the next frame, or nobody is there to be told.
            return false;
        }
    }
}
