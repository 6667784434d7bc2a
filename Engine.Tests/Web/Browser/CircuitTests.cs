using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Security;
using Microsoft.AspNetCore.Components.Server;
using Microsoft.AspNetCore.Components.Server.Circuits;
using Microsoft.AspNetCore.SignalR;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Microsoft.Playwright;

namespace Hyperpatch.Engine.Tests.Web.Browser;

/// <summary>What is left on the server of viewers who left.</summary>
/// <param name="fixture">The browser.</param>
public sealed class CircuitTests(BrowserFixture fixture) : IClassFixture<BrowserFixture>
{
    private const int Viewers = 3;
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(2);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Circuits_of_viewers_who_left_are_dropped_and_nobody_watches_any_more(bool withoutAWord)
    {
        IBrowser browser = fixture.Browser;
        Circuits circuits = new();
        await using Dashboard dashboard = await Dashboard.StartAsync(
            new Dictionary<string, string?> { ["Demo:Enabled"] = "true" },
            configure: services =>
            {
                services.AddSingleton<CircuitHandler>(circuits);

                // A real minute is too long for a test. What the minute is, the other test tells.
                services.PostConfigure<CircuitOptions>(options => options.DisconnectedCircuitRetentionPeriod = TimeSpan.FromSeconds(1));
            });
        dashboard.RequireAccelerator();
        ManagedMachine machine = dashboard.Machine;
        List<Visitor> visitors = [];
        for (int i = 0; i < Viewers; i++)
        {
            visitors.Add(await Visitor.LogInAsync(browser, dashboard, AccessRole.Viewer, Look.Light));
            await Assertions.Expect(visitors[i].Test("exits-body").Locator("tr[data-sequence]").First).ToBeVisibleAsync();
        }

        Assert.Equal(Viewers, circuits.Open);
        Assert.Equal(Viewers, machine.Feed.Watchers);
        foreach (Visitor visitor in visitors)
        {
            if (withoutAWord)
            {
                // The page's process dies: no farewell, only a connection that ends.
                ICDPSession devTools = await visitor.Page.Context.NewCDPSessionAsync(visitor.Page);
                _ = devTools.SendAsync("Page.crash").ContinueWith(sent => sent.Exception, TaskScheduler.Default);
            }
            else
            {
                await visitor.DisposeAsync();
            }
        }

        await Patience.UntilAsync("no circuit", () => Task.FromResult(circuits.Open == 0));
        await Patience.UntilAsync("no watcher", () => Task.FromResult(machine.Feed.Watchers == 0));
        foreach (Visitor visitor in visitors)
        {
            await visitor.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_connection_that_falls_silent_and_its_circuit_are_gone_within_two_minutes()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync(withoutAccelerator: true);
        CircuitOptions circuits = dashboard.Application.Services.GetRequiredService<IOptions<CircuitOptions>>().Value;
        HubOptions hubs = dashboard.Application.Services.GetRequiredService<IOptions<HubOptions>>().Value;

        // SignalR's own, where nobody has set one.
        TimeSpan silence = hubs.ClientTimeoutInterval ?? TimeSpan.FromSeconds(30);
        Assert.InRange(silence + circuits.DisconnectedCircuitRetentionPeriod, TimeSpan.Zero, s_limit);
        Assert.InRange(circuits.DisconnectedCircuitMaxRetained, 1, 100);
        Assert.InRange(circuits.MaxBufferedUnacknowledgedRenderBatches, 1, 20);
    }

    private sealed class Circuits : CircuitHandler
    {
        private int _open;

        public int Open => Volatile.Read(ref _open);

        public override Task OnCircuitOpenedAsync(Circuit circuit, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _open);
            return Task.CompletedTask;
        }

        public override Task OnCircuitClosedAsync(Circuit circuit, CancellationToken cancellationToken)
        {
            Interlocked.Decrement(ref _open);
            return Task.CompletedTask;
        }
    }
}
