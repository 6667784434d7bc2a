using Hyperpatch.Web.Components.Shared;
using Microsoft.JSInterop;

namespace Hyperpatch.Engine.Tests.Web.Components;

public sealed class BrowserFarewellTests
{
    [Fact]
    public async Task A_browser_that_never_answers_is_left_to_itself()
    {
        SilentBrowser view = new();

        await Patience.WithinAsync("the farewell's end", BrowserFarewell.SayAsync(view, new SilentBrowser()).WaitAsync);

        Assert.Equal("dispose", view.Asked);
    }

    [Fact]
    public async Task A_page_that_has_bound_nothing_has_nothing_to_let_go_of() => await BrowserFarewell.SayAsync(null, null);

    private sealed class SilentBrowser : IJSObjectReference
    {
        public string? Asked { get; private set; }

        public ValueTask<TValue> InvokeAsync<TValue>(string identifier, object?[]? args) => InvokeAsync<TValue>(identifier, CancellationToken.None, args);

        public ValueTask<TValue> InvokeAsync<TValue>(string identifier, CancellationToken cancellationToken, object?[]? args)
        {
            Asked = identifier;
            return new ValueTask<TValue>(new TaskCompletionSource<TValue>().Task);
        }

        public ValueTask DisposeAsync() => new(new TaskCompletionSource().Task);
    }
}
