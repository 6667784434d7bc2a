using System.Globalization;
using System.Text.Json;
using Hyperpatch.Engine.Tests.Support;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Security;
using Microsoft.Playwright;

namespace Hyperpatch.Engine.Tests.Web.Browser;

/// <summary>
/// A page that stays open on a guest which makes exits as fast as it can: for a minute, or for as many seconds as
/// HYPERPATCH_SOAK_SECONDS says (3600 for an hour). By itself, so that the process's memory is the server's.
/// </summary>
/// <param name="fixture">The browser.</param>
[Collection(StressCollection.Name)]
public sealed class SoakTests(BrowserFixture fixture) : IClassFixture<BrowserFixture>
{
    private const string Variable = "HYPERPATCH_SOAK_SECONDS";
    private const int Samples = 6;
    private const double MostServerGrowth = 24 * 1024 * 1024;
    private const double MostHeapGrowth = 8 * 1024 * 1024;
    private const double MostNodeGrowth = 1500;

    [Fact]
    public async Task Nothing_grows_while_a_page_watches_an_exit_storm()
    {
        IBrowser browser = fixture.Browser;
        double seconds = double.Parse(Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } text ? text : "60", CultureInfo.InvariantCulture);
        await using Dashboard dashboard = await Dashboard.StartAsync(new Dictionary<string, string?>
        {
            ["Demo:Enabled"] = "true",
            ["Demo:Guest"] = "exit-storm",
            ["Demo:Processors"] = "1",
        });
        dashboard.RequireAccelerator();
        ManagedMachine machine = dashboard.Machine;
        await using Visitor visitor = await Visitor.LogInAsync(browser, dashboard, AccessRole.Viewer, Look.Light);
        await Assertions.Expect(visitor.Test("exits-body").Locator("tr[data-sequence]").Nth(7)).ToBeVisibleAsync();
        ICDPSession devTools = await visitor.Page.Context.NewCDPSessionAsync(visitor.Page);
        _ = await devTools.SendAsync("Performance.enable");

        // How long it is from one drawing of the counters to the next.
        await visitor.Page.EvaluateAsync("""
            () => {
              globalThis.gaps = [];
              let last = performance.now();
              new MutationObserver(() => { const now = performance.now(); gaps.push(now - last); last = now; })
                .observe(document.querySelector('[data-testid="counter-exits"]'), { childList: true, characterData: true, subtree: true });
            }
            """);

        // The journal's ring is full, the chart's minute begun, code compiled.
        await Patience.UntilAsync("a full history", () => Task.FromResult(machine.Machine.Journal.Count > 100_000));
        List<Sample> samples = [];
        for (int i = 0; i < Samples; i++)
        {
            await Task.Delay(TimeSpan.FromSeconds(seconds / Samples), TestContext.Current.CancellationToken);
            samples.Add(await TakeAsync(visitor.Page, devTools, machine));
            TestContext.Current.TestOutputHelper?.WriteLine(samples[^1].ToString());
        }

        Sample first = samples[0];
        Sample last = samples[^1];
        Assert.True(last.ServerBytes - first.ServerBytes < MostServerGrowth, $"the server's memory went from {first.ServerBytes:N0} to {last.ServerBytes:N0} bytes");
        Assert.True(last.HeapBytes - first.HeapBytes < MostHeapGrowth, $"the page's heap went from {first.HeapBytes:N0} to {last.HeapBytes:N0} bytes");
        Assert.True(last.Nodes - first.Nodes < MostNodeGrowth, $"the page's nodes went from {first.Nodes} to {last.Nodes}");
        Assert.True(last.Exits > first.Exits, "the guest stood still");
        Assert.All(samples, sample => Assert.True(sample.Drawings > 0, "the page stood still"));

        // Frame times stay flat: the page draws as often at the end as at the start, and takes most of what it is sent. Wide margins, since
        // the host's cores are shared by the guest, the server and the browser.
        int early = samples[..(Samples / 2)].Sum(sample => sample.Drawings);
        int late = samples[(Samples / 2)..].Sum(sample => sample.Drawings);
        Assert.True(late > early / 3, $"the page drew {early} times in the first half and {late} times in the second");
        long dropped = last.DroppedFrames - first.DroppedFrames;
        Assert.True(dropped < (last.Frames - first.Frames) / 2, $"{dropped} of {last.Frames - first.Frames} frames were dropped");
        Assert.Equal(1, machine.Feed.Watchers);
        Assert.Empty(visitor.Complaints);
    }

    private static async Task<Sample> TakeAsync(IPage page, ICDPSession devTools, ManagedMachine machine)
    {
        double[] gaps = await page.EvaluateAsync<double[]>("() => gaps.splice(0)");
        _ = await devTools.SendAsync("HeapProfiler.collectGarbage");
        JsonElement metrics = (await devTools.SendAsync("Performance.getMetrics"))!.Value.GetProperty("metrics");
        double Metric(string name) => metrics.EnumerateArray().Single(one => one.GetProperty("name").GetString() == name).GetProperty("value").GetDouble();
        Array.Sort(gaps);
        return new Sample(
            machine.Machine.Journal.Count,
            GC.GetTotalMemory(forceFullCollection: true),
            Metric("JSHeapUsedSize"),
            Metric("Nodes"),
            gaps.Length,
            gaps.Length == 0 ? 0 : gaps[gaps.Length / 2],
            gaps.Length == 0 ? 0 : gaps[^1],
            machine.Machine.LatestFrame?.Sequence ?? 0,
            machine.Feed.Dropped);
    }

    private sealed record Sample(long Exits, double ServerBytes, double HeapBytes, double Nodes, int Drawings, double MedianGapMs, double LongestGapMs, long Frames, long DroppedFrames);
}
