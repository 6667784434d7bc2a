using System.Collections.Concurrent;
using Microsoft.JSInterop;

namespace Hyperpatch.Engine.Tests.Web.Components;

/// <summary>A browser whose every module and object answers anything with nothing, and that remembers what it was called for.</summary>
internal sealed class RecordingBrowser : IJSRuntime
{
    private readonly ConcurrentQueue<string> _calls = new();

    /// <summary>What answers wait for.</summary>
    public Task Ready { get; set; } = Task.CompletedTask;

    /// <summary>How often a function was called.</summary>
    public int Count(string function) => _calls.Count(call => call == function);

    public ValueTask<TValue> InvokeAsync<TValue>(string identifier, object?[]? args) => InvokeAsync<TValue>(identifier, CancellationToken.None, args);

    public async ValueTask<TValue> InvokeAsync<TValue>(string identifier, CancellationToken cancellationToken, object?[]? args)
    {
        _calls.Enqueue(identifier);
        await Task.Yield();
        await Ready;
        return typeof(TValue) == typeof(IJSObjectReference) ? (TValue)(object)new Thing(this) : default!;
    }

    private sealed class Thing(RecordingBrowser browser) : IJSObjectReference
    {
        public ValueTask<TValue> InvokeAsync<TValue>(string identifier, object?[]? args) => browser.InvokeAsync<TValue>(identifier, args);

        public ValueTask<TValue> InvokeAsync<TValue>(string identifier, CancellationToken cancellationToken, object?[]? args) =>
            browser.InvokeAsync<TValue>(identifier, cancellationToken, args);

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
