using System.Diagnostics;
using System.Globalization;
using Hyperpatch.Engine.Tests.Web.Browser;
using Hyperpatch.Web;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Security;

namespace Hyperpatch.Engine.Benchmarks;

/// <summary>
/// What pages cost the server, and what they show when: real pages, in a process of its own; the guest makes exits as fast as it can,
/// except where the way of an exit to the screen is measured.
/// </summary>
internal sealed class DashboardFigure : IFigure
{
    private const int Pages = 20;
    private const double MemoryLimitMiB = 1;
    private const double LatencyLimitMs = 250;
    private const double InteractiveLimitMs = 1500;
    private const double RedrawLimitMs = 8;
    private const double BytesLimit = 2.5e6;
    private static readonly TimeSpan s_window = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_settle = TimeSpan.FromSeconds(2);

    public string Name => "dashboard";

    public bool NeedsKvm => false;

    // Each as soon as it is there: all of them take minutes.
    public IEnumerable<FigureResult> Measure()
    {
        foreach ((string guest, Func<HyperpatchApplication, Task<IEnumerable<FigureResult>>> measure) in new (string, Func<HyperpatchApplication, Task<IEnumerable<FigureResult>>>)[]
        {
            ("mixed", MeasureSightAsync), ("exit-storm", MeasurePagesAsync),
        })
        {
            foreach (FigureResult result in MeasureAsync(guest, measure).GetAwaiter().GetResult())
            {
                yield return result;
            }
        }
    }

    private static async Task<IEnumerable<FigureResult>> MeasureAsync(string guest, Func<HyperpatchApplication, Task<IEnumerable<FigureResult>>> measure)
    {
        await using HyperpatchApplication application = await MeasuredServer.StartAsync(guest, guest == "mixed" ? 0 : 1);
        IEnumerable<FigureResult> results = await measure(application);
        await application.StopAsync();
        return results;
    }

    private static async Task<IEnumerable<FigureResult>> MeasurePagesAsync(HyperpatchApplication application)
    {
        ManagedMachine machine = MeasuredServer.Machine(application);
        (string? chromium, string reason) = ChromiumLocator.Find();
        if (chromium is null)
        {
            return [new FigureResult($"pages: not measured, {reason}", $"at most {MemoryLimitMiB} MiB a page", null)];
        }

        using BrowserProcess browser = BrowserProcess.Start(chromium, application.LoginLink(AccessRole.Viewer));
        string page = new Uri(application.Address, $"/machines/{machine.Id}").ToString();
        await browser.AskAsync($"open 1 {page}");
        await Task.Delay(s_settle);
        var one = ServerUsage.Of(machine.Machine);
        await Task.Delay(s_window);
        ServerLoad first = one.Until(machine.Machine);
        await browser.AskAsync($"open {Pages - 1} {page}");
        await Task.Delay(s_settle);
        var before = ServerUsage.Of(machine.Machine);
        await Task.Delay(s_window);
        ServerLoad all = before.Until(machine.Machine);
        long dropped = machine.Feed.Dropped;
        double memory = (all.Bytes - first.Bytes) / (Pages - 1) / 1048576;
        double cpu = (all.CpuShare - first.CpuShare) / (Pages - 1);
        return
        [
            new FigureResult($"server's memory a page beyond the first, {machine.Feed.Watchers} pages: {Text(memory)} MiB", "at most 1 MiB", memory <= MemoryLimitMiB),
            new FigureResult($"server's CPU a page beyond the first: {Text(cpu * 100)} % of a core; {dropped} frames dropped by all pages", "for comparison", null),
        ];
    }

    private static async Task<IEnumerable<FigureResult>> MeasureSightAsync(HyperpatchApplication application)
    {
        (string? chromium, string reason) = ChromiumLocator.Find();
        if (chromium is null)
        {
            return [new FigureResult($"exit to pixel: not measured, {reason}", "under 250 ms", null)];
        }

        ManagedMachine machine = MeasuredServer.Machine(application);
        using BrowserProcess browser = BrowserProcess.Start(chromium, application.LoginLink(AccessRole.Viewer));
        double[] loads = await browser.NumbersAsync($"load 9 {new Uri(application.Address, $"/machines/{machine.Id}")}");
        double[] redraw = await browser.NumbersAsync($"redraw 3 {new Uri(application.Address, "/host")}");
        double[] latency = await browser.NumbersAsync($"latency 10 {new Uri(application.Address, $"/machines/{machine.Id}?pane=exits")}");
        return
        [
            new FigureResult($"page interactive, nothing in the browser's cache: {Text(loads[0])} ms (median of 9; {Text(loads[1])} ms the first since the server started)", "under 1500 ms", loads[0] < InteractiveLimitMs),
            new FigureResult($"sent for the first load: {Text(loads[2] / 1e6)} MB, of which not compressed: {Text(loads[3] / 1e6)} MB", "under 2.5 MB", loads[2] < BytesLimit),
            new FigureResult($"redraw of the chart with an hour of data: {Text(redraw[0])} ms (median of 60; mean {Text(redraw[3])} ms, since a few of them move the axis, too; fastest {Text(redraw[1])} ms; {redraw[2]:N0} points)", "under 8 ms", redraw[0] < RedrawLimitMs),
            new FigureResult($"exit to pixel on loopback: p50 {Text(latency[0])} ms, p99 {Text(latency[1])} ms ({latency[2]:N0} exits)", "p99 under 250 ms", latency[1] < LatencyLimitMs),
        ];
    }

    private static string Text(double value) => value.ToString("0.00", CultureInfo.InvariantCulture);
}
