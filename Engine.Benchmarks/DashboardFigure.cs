using System.Diagnostics;
using System.Globalization;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Tests.Web.Browser;
using Hyperpatch.Web;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Security;
using Microsoft.Extensions.DependencyInjection;

namespace Hyperpatch.Engine.Benchmarks;

/// <summary>
/// What watchers cost the server, and what they see when: hub clients and real pages, in processes of their own; the guest makes exits as
/// fast as it can, except where the way of an exit to the screen is measured.
/// </summary>
internal sealed class DashboardFigure : IFigure
{
    private const int Clients = 200;
    private const int Pages = 20;
    private const double MemoryLimitMiB = 1;
    private const double FrameLimitMs = 2;
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
            ("mixed", MeasureSightAsync), ("exit-storm", MeasureClientsAsync), ("exit-storm", MeasurePagesAsync),
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
        await using HyperpatchApplication application = await StartAsync(guest);
        IEnumerable<FigureResult> results = await measure(application);
        await application.StopAsync();
        return results;
    }

    private static ManagedMachine Machine(HyperpatchApplication application) => application.Services.GetRequiredService<MachineRegistry>().All[0];

    private static async Task<HyperpatchApplication> StartAsync(string guest)
    {
        HyperpatchApplication application = HyperpatchApplication.Create(settings: new Dictionary<string, string?>
        {
            ["Urls"] = "http://127.0.0.1:0",
            ["Demo:Guest"] = guest,
            ["Demo:Processors"] = guest == "mixed" ? "0" : "1",
        });
        await application.StartAsync();
        return application;
    }

    private static async Task<IEnumerable<FigureResult>> MeasureClientsAsync(HyperpatchApplication application)
    {
        ManagedMachine machine = Machine(application);
        Load one = await WatchAsync(application, machine.Machine, 1);
        Load all = await WatchAsync(application, machine.Machine, Clients);
        double memory = (all.Bytes - one.Bytes) / (Clients - 1) / 1048576;
        return
        [
            new FigureResult($"server's CPU a frame at {one.ExitRate:N0} exits/s, one hub client: {Text(one.FrameMs)} ms", "under 2 ms", one.FrameMs < FrameLimitMs),
            new FigureResult($"{Clients} hub clients: CPU a frame {Text(all.FrameMs)} ms at {all.ExitRate:N0} exits/s; {all.Frames} frames taken, {all.Lost} dropped", "for comparison", null),
            new FigureResult($"server's memory a hub client beyond the first: {Text(memory)} MiB", "at most 1 MiB", memory <= MemoryLimitMiB),
        ];
    }

    private static async Task<IEnumerable<FigureResult>> MeasurePagesAsync(HyperpatchApplication application)
    {
        ManagedMachine machine = Machine(application);
        (string? chromium, string reason) = ChromiumLocator.Find();
        if (chromium is null)
        {
            return [new FigureResult($"pages: not measured, {reason}", $"at most {MemoryLimitMiB} MiB a page", null)];
        }

        using BrowserProcess browser = BrowserProcess.Start(chromium, application.LoginLink(AccessRole.Viewer));
        string page = new Uri(application.Address, $"/machines/{machine.Id}").ToString();
        await browser.AskAsync($"open 1 {page}");
        await Task.Delay(s_settle);
        var one = Usage.Of(machine.Machine);
        await Task.Delay(s_window);
        Load first = one.Until(machine.Machine);
        await browser.AskAsync($"open {Pages - 1} {page}");
        await Task.Delay(s_settle);
        var before = Usage.Of(machine.Machine);
        await Task.Delay(s_window);
        Load all = before.Until(machine.Machine);
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

        ManagedMachine machine = Machine(application);
        using BrowserProcess browser = BrowserProcess.Start(chromium, application.LoginLink(AccessRole.Viewer));
        double[] loads = await browser.NumbersAsync($"load 5 {new Uri(application.Address, $"/machines/{machine.Id}")}");
        double[] redraw = await browser.NumbersAsync($"redraw 3 {new Uri(application.Address, "/host")}");
        double[] latency = await browser.NumbersAsync($"latency 10 {new Uri(application.Address, $"/machines/{machine.Id}?pane=exits")}");
        return
        [
            new FigureResult($"page interactive, nothing in the browser's cache: {Text(loads[0])} ms (median of 5)", "under 1500 ms", loads[0] < InteractiveLimitMs),
            new FigureResult($"sent for the first load: {Text(loads[1] / 1e6)} MB, of which not compressed: {Text(loads[2] / 1e6)} MB", "under 2.5 MB", loads[1] < BytesLimit),
            new FigureResult($"redraw of the chart with an hour of data: {Text(redraw[0])} ms (median of 60; mean {Text(redraw[3])} ms, since a few of them move the axis, too; fastest {Text(redraw[1])} ms; {redraw[2]:N0} points)", "under 8 ms", redraw[0] < RedrawLimitMs),
            new FigureResult($"exit to pixel on loopback: p50 {Text(latency[0])} ms, p99 {Text(latency[1])} ms ({latency[2]:N0} exits)", "p99 under 250 ms", latency[1] < LatencyLimitMs),
        ];
    }

    private static async Task<Load> WatchAsync(HyperpatchApplication application, VirtualMachine machine, int count)
    {
        using Process clients = await HubClients.StartAsync(application, machine.Id, count);
        await Task.Delay(s_settle);
        var before = Usage.Of(machine);
        await Task.Delay(s_window);
        Load load = before.Until(machine);
        (long frames, long lost) = await HubClients.FinishAsync(clients);
        return load with { Frames = frames, Lost = lost };
    }

    private static string Text(double value) => value.ToString("0.00", CultureInfo.InvariantCulture);

    private sealed record Load(double FrameMs, double CpuShare, double ExitRate, double Bytes)
    {
        public long Frames { get; init; }

        public long Lost { get; init; }
    }

    // CPU of the process without that of the guest's processors.
    private sealed record Usage(long At, TimeSpan Cpu, long Exits, long Frame)
    {
        public static Usage Of(VirtualMachine machine)
        {
            using var self = Process.GetCurrentProcess();
            return new Usage(Stopwatch.GetTimestamp(), self.TotalProcessorTime - ThreadTimes.Of($"{machine.Id}/vcpu"), machine.Journal.Count, machine.LatestFrame?.Sequence ?? 0);
        }

        // What was used since. Memory last: it is that after a collection, whose work is not the server's.
        public Load Until(VirtualMachine machine)
        {
            Usage end = Of(machine);
            double seconds = Stopwatch.GetElapsedTime(At, end.At).TotalSeconds;
            double cpu = (end.Cpu - Cpu).TotalSeconds;
            return new Load(
                cpu * 1000 / Math.Max(1, end.Frame - Frame), cpu / seconds, (end.Exits - Exits) / seconds, GC.GetTotalMemory(forceFullCollection: true));
        }
    }
}
