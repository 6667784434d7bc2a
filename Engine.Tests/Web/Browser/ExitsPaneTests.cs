using System.Globalization;
using System.Text.RegularExpressions;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Web.Components.Machines;
using Hyperpatch.Web.Security;
using Microsoft.Playwright;

namespace Hyperpatch.Engine.Tests.Web.Browser;

/// <summary>The chart of exits with its ranges and zoom, and the long table with its filters.</summary>
/// <param name="fixture">The browser.</param>
public sealed class ExitsPaneTests(BrowserFixture fixture) : IClassFixture<BrowserFixture>
{
    // What the page's chart shows at this moment: the shown part of its time axis, in milliseconds since 1970.
    private const string Window = """
        () => {
          const chart = globalThis.echarts?.getInstanceByDom(document.querySelector('[data-testid=exits-chart] .hp-plot'));
          return chart ? chart.getModel().getComponent('xAxis', 0).axis.scale.getExtent() : null;
        }
        """;

    [Fact]
    public async Task The_chart_zooms_its_legend_hides_and_filters_are_in_the_address()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        await using Visitor visitor = await Visitor.LogInAsync(browser, dashboard, AccessRole.Viewer);
        await OpenAsync(visitor, dashboard, "pane=exits");
        await GoesOnAsync(visitor);
        await RangesAndZoomAsync(visitor);
        await LegendAsync(visitor);
        await OpenAsync(visitor, dashboard, "pane=exits&range=5m");
        await GoesOnAsync(visitor);
        await FiltersAsync(visitor);

        // Without a filter the table goes on by itself, also when one was taken away.
        await Patience.UntilAsync("the table has taken in the recorded exits", async () => await RowCountAsync(visitor) > 50);
        await GoesOnAsync(visitor);
        Assert.Empty(visitor.Complaints);
    }

    [Fact]
    public async Task An_hour_of_points_keeps_its_peaks_in_arrays_of_a_fixed_size()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartAsync(withoutAccelerator: true);
        await using Visitor visitor = await Visitor.LogInAsync(browser, dashboard, AccessRole.Viewer);
        int[] result = await visitor.Page.EvaluateAsync<int[]>("""
            async () => {
              const { RateHistory, reasons } = await import('/js/machine/rate-history.js');
              const [portIo, hypercall] = ['PortIo', 'Hypercall'].map(reason => reasons.indexOf(reason));
              const history = new RateHistory();
              const start = 1_000_000_000;
              const end = start + 3 * 3_600_000;
              for (let at = start; at <= end; at += 500) history.push(at, { PortIo: 100, Hypercall: at === end - 100_000 ? 9000 : 10 });
              const hour = history.select(end - 3_600_000, end, 200);
              const peak = Math.max(...hour.map(point => RateHistory.rate(point, hypercall)));
              const ordered = hour.every((point, index) => index === 0 || point.at > hour[index - 1].at);
              const spliced = new RateHistory();
              spliced.push(start + 60_000, { PortIo: 7 });
              spliced.backfill({ at: [start, start + 1000, start + 70_000], rates: { PortIo: [1, 2, 3] } });
              const points = spliced.select(start, end, 200);
              return [end - history.oldest, hour.length, peak, ordered ? 1 : 0, points.length, ...points.map(point => RateHistory.rate(point, portIo))];
            }
            """);
        Assert.InRange(result[0], 3_590_000, 3_700_000);
        Assert.InRange(result[1], 200, 400);
        Assert.Equal((9000, 1), (result[2], result[3]));
        Assert.Equal([3, 1, 2, 7], result[4..]);
        string[] names = await visitor.Page.EvaluateAsync<string[]>("async () => (await import('/js/machine/rate-history.js')).reasons");
        Assert.Equal(MachineQuery.Reasons.Order(StringComparer.Ordinal), names.Order(StringComparer.Ordinal));
        Assert.Empty(visitor.Complaints);
    }

    [Fact]
    public async Task A_time_without_frames_is_a_level_mean_and_earlier_points_count_once()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartAsync(withoutAccelerator: true);
        await using Visitor visitor = await Visitor.LogInAsync(browser, dashboard, AccessRole.Viewer);
        double[] points = await visitor.Page.EvaluateAsync<double[]>("""
            async () => {
              const [{ MachineModel }, { RateHistory }] = await Promise.all(['model', 'rate-history'].map(name => import(`/js/machine/${name}.js`)));
              const model = new MachineModel();
              const frame = (sequence, at, count) => ({
                sequence, at, epoch: 0, vendor: 'intel', counters: { exits: count, hypercalls: 0, patches: 0, injectedUd: 0, droppedEvents: 0 },
                reasons: [{ reason: 'PortIo', count }], hypercalls: [], processors: [], sites: [], events: [], skippedEvents: 0, serial: '', serialPosition: 0,
              });
              model.apply(frame(1, 1000, 0));
              model.apply(frame(2, 2000, 100));
              model.apply(frame(3, 62_000, 100 + 60 * 50));
              model.apply(frame(4, 63_000, 100 + 60 * 50 + 7));
              return model.history.select(0, 1_000_000, 100).flatMap(point => [point.at, Math.round(RateHistory.rate(point, 0))]);
            }
            """);
        Assert.Equal([2000, 100, 2001, 50, 62_000, 50, 63_000, 7], points);

        double first = await visitor.Page.EvaluateAsync<double>("""
            async () => {
              const { RateHistory } = await import('/js/machine/rate-history.js');
              const start = 1_000_000_000;
              const history = new RateHistory();
              history.push(start + 60_000, { PortIo: 9 });
              history.push(start + 60_500, { PortIo: 1000 });
              history.backfill({ at: [start], rates: { PortIo: [4] } });
              for (let i = 1; i <= 1300; i++) history.push(start + 61_000 + i * 500, { PortIo: 0 });
              return RateHistory.rate(history.select(start - 1, start + 1, 200)[0], 0);
            }
            """);
        Assert.Equal(4, first);
        Assert.Empty(visitor.Complaints);
    }

    [Fact]
    public async Task A_redraw_with_an_hour_of_data_is_measured()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartAsync(withoutAccelerator: true);
        await using Visitor visitor = await Visitor.LogInAsync(browser, dashboard, AccessRole.Viewer);
        double[] times = await visitor.Page.EvaluateAsync<double[]>(ChartRedraw.Measure);
        double points = times[^1];
        double[] sorted = [.. times[..^1].Order()];
        TestContext.Current.TestOutputHelper!.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"A redraw with an hour of data, {points} points: median {sorted[sorted.Length / 2]:0.0} ms, {sorted[0]:0.0} to {sorted[^1]:0.0} ms"));
        // An hour of six reasons at two points a second would be 43,200.
        Assert.InRange(points, 500, 4000);
        Assert.Empty(visitor.Complaints);
    }

    [Fact]
    public async Task Thousands_of_exits_are_few_elements_and_stay_where_one_looks()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        VirtualMachine machine = dashboard.Machine.Machine;
        await Patience.UntilAsync("some thousand exits", () => Task.FromResult(machine.Journal.Count > 1500));
        await using Visitor visitor = await Visitor.LogInAsync(browser, dashboard, AccessRole.Viewer);
        await OpenAsync(visitor, dashboard, "pane=exits");
        ILocator body = visitor.Test("exits-body");
        await Patience.UntilAsync("a thousand rows to scroll", async () =>
            await RowCountAsync(visitor) > 1000);
        Assert.InRange(await body.Locator("tr").CountAsync(), 10, 90);

        await visitor.Test("pause-view").ClickAsync();
        await Assertions.Expect(visitor.Test("pause-view")).ToHaveAttributeAsync("aria-pressed", "true");
        await visitor.Page.EvaluateAsync("() => { document.querySelector('.hp-exits-all').scrollTop = 600 * 30; }");
        await Assertions.Expect(body.Locator("tr[aria-rowindex='610']")).ToBeVisibleAsync();
        Assert.InRange(await body.Locator("tr").CountAsync(), 10, 90);
        string?[] heights = await visitor.Page.EvaluateAsync<string[]>("() => [...new Set([...document.querySelectorAll('[data-testid=exits-body] tr:not(.hp-spacer)')].map(row => String(row.getBoundingClientRect().height)))]");
        Assert.Equal(["30"], heights);
        string first = await body.Locator("tr[aria-rowindex='610']").InnerTextAsync();
        await Task.Delay(1000, TestContext.Current.CancellationToken);
        Assert.Equal(first, await body.Locator("tr[aria-rowindex='610']").InnerTextAsync());
        await Assertions.Expect(visitor.Page.GetByText("View paused.")).ToBeVisibleAsync();
        Assert.Empty(visitor.Complaints);
    }

    // Ranges are in the address; the chart is zoomed and moved by keyboard, wheel and dragging.
    private static async Task RangesAndZoomAsync(Visitor visitor)
    {
        await visitor.Test("range-15m").ClickAsync();
        await Assertions.Expect(visitor.Page).ToHaveURLAsync(new Regex(@"pane=exits&range=15m$"));
        await Assertions.Expect(visitor.Test("range-15m")).ToHaveAttributeAsync("aria-current", "true");
        await Assertions.Expect(visitor.Test("exits-chart")).ToHaveAttributeAsync("data-hp-range", "900000");
        await Assertions.Expect(visitor.Test("exits-chart").Locator("canvas")).ToBeVisibleAsync();
        ILocator back = visitor.Page.GetByRole(AriaRole.Button, new() { Name = "Back to live" });
        await Assertions.Expect(back).ToBeHiddenAsync();
        // Up to 15 s its beginning moves with the present: what stands at it does not stand still. Its end is up to two pixels ahead, 2 s of 15 minutes.
        await Patience.UntilAsync("the chart has more than its shortest time", async () => await WidthAsync(visitor) > 18_000);

        await visitor.Test("exits-chart").FocusAsync();
        double whole = await WidthAsync(visitor);
        await visitor.Page.Keyboard.PressAsync("+");
        await Assertions.Expect(back).ToBeVisibleAsync();
        await Patience.UntilAsync("it shows half", async () => Math.Abs((await WidthAsync(visitor) / whole) - 0.5) < 0.1);
        await visitor.Page.Keyboard.PressAsync("ArrowLeft");
        await Patience.UntilAsync("it stands still", async () =>
        {
            double[] one = await visitor.Page.EvaluateAsync<double[]>(Window);
            await Task.Delay(2500, TestContext.Current.CancellationToken);
            double[] other = await visitor.Page.EvaluateAsync<double[]>(Window);
            return one[0].Equals(other[0]) && one[1].Equals(other[1]);
        });
        await visitor.Page.Keyboard.PressAsync("0");
        await Assertions.Expect(back).ToBeHiddenAsync();
        Assert.Contains("pane=exits", visitor.Page.Url, StringComparison.Ordinal);

        whole = await WidthAsync(visitor);
        await visitor.Test("exits-chart").HoverAsync();
        await visitor.Page.Mouse.WheelAsync(0, -400);
        await Patience.UntilAsync("the wheel zooms", async () => await WidthAsync(visitor) < whole * 0.95);

        // A sheet that is pulled: earlier comes in from the left, and as much is shown as before.
        LocatorBoundingBoxResult box = (await visitor.Test("exits-chart").BoundingBoxAsync())!;
        (float x, float y) = (box.X + (box.Width / 2), box.Y + (box.Height / 2));
        double[] held = await visitor.Page.EvaluateAsync<double[]>(Window);
        await visitor.Page.Mouse.MoveAsync(x, y);
        await visitor.Page.Mouse.DownAsync();
        await visitor.Page.Mouse.MoveAsync(x + 150, y, new MouseMoveOptions { Steps = 5 });
        await visitor.Page.Mouse.UpAsync();
        double[] now = held;
        for (int i = 0; i < 100 && now[1] > held[1] - 1000; i++)
        {
            await Task.Delay(100, TestContext.Current.CancellationToken);
            now = await visitor.Page.EvaluateAsync<double[]>(Window);
        }

        Assert.InRange(now[1], now[0], held[1] - 1000);
        Assert.Equal(held[1] - held[0], now[1] - now[0], 2.0);
        await back.ClickAsync();
        await Assertions.Expect(back).ToBeHiddenAsync();
    }

    // Each name of the legend shows and hides its band, by keyboard, too.
    private static async Task LegendAsync(Visitor visitor)
    {
        const string Highest = "() => echarts.getInstanceByDom(document.querySelector('[data-testid=exits-chart] .hp-plot')).getOption().series[0].data[1][1]";
        ILocator names = visitor.Test("exits-chart").Locator(".hp-legend .hp-reason");
        await Assertions.Expect(names.First).ToHaveAttributeAsync("aria-pressed", "true");
        await Patience.UntilAsync("bands", async () => await visitor.Page.EvaluateAsync<double>(Highest) > 0);
        await names.First.FocusAsync();
        await visitor.Page.Keyboard.PressAsync("ArrowRight");
        await Assertions.Expect(names.Nth(1)).ToBeFocusedAsync();
        await Assertions.Expect(visitor.Test("exits-chart").Locator(".hp-legend [tabindex='0']")).ToHaveCountAsync(1);
        foreach (string pressed in new[] { "false", "true" })
        {
            foreach (ILocator name in await names.AllAsync())
            {
                await name.FocusAsync();
                await visitor.Page.Keyboard.PressAsync("Enter");
                await Assertions.Expect(name).ToHaveAttributeAsync("aria-pressed", pressed);
            }

            await Patience.UntilAsync($"shown: {pressed}", async () => await visitor.Page.EvaluateAsync<double>(Highest) > 0 == (pressed == "true"));
        }
    }

    private static async Task FiltersAsync(Visitor visitor)
    {
        await visitor.Test("filter-port").FillAsync("0x3F8");
        await visitor.Test("filter-port").PressAsync("Enter");
        await Assertions.Expect(visitor.Page).ToHaveURLAsync(new Regex("range=5m&port=0x3F8"));
        ILocator rows = visitor.Test("exits-body").Locator("tr:not(.hp-spacer)");
        await Assertions.Expect(rows.First).ToContainTextAsync("0x3F8");
        Assert.All(await rows.AllInnerTextsAsync(), text => Assert.Contains("0x3F8", text, StringComparison.Ordinal));

        await visitor.Test("filter-rip-from").FillAsync("here");
        await visitor.Test("filter-rip-from").PressAsync("Enter");
        await Assertions.Expect(visitor.Test("filter-error")).ToContainTextAsync("\"here\"");
        await Assertions.Expect(rows.First).ToContainTextAsync("0x3F8");
        await visitor.Test("filter-clear").ClickAsync();
        await Assertions.Expect(visitor.Page).ToHaveURLAsync(new Regex("pane=exits&range=5m$"));
        await Assertions.Expect(visitor.Test("filter-error")).ToHaveCountAsync(0);
        await Assertions.Expect(visitor.Test("filter-port")).ToHaveValueAsync("");
    }

    private static async Task<int> RowCountAsync(Visitor visitor) =>
        int.Parse(await visitor.Page.Locator("table.hp-exits").GetAttributeAsync("aria-rowcount") ?? "0", CultureInfo.InvariantCulture);

    private static Task OpenAsync(Visitor visitor, Dashboard dashboard, string query) =>
        visitor.Page.GotoAsync(new Uri(dashboard.Address, $"/machines/{dashboard.Machine.Id}?{query}").ToString());

    // Newer ones on top again and again: a table that is only filled once grows once.
    private static async Task GoesOnAsync(Visitor visitor)
    {
        long seen = 0;
        for (int i = 0; i < 4; i++)
        {
            await Patience.UntilAsync("newer exits come on top", async () =>
            {
                long newest = await visitor.Page.EvaluateAsync<long>("() => Number(document.querySelector('[data-testid=exits-body] tr[data-sequence]')?.dataset.sequence ?? 0)");
                bool isNewer = newest > seen;
                seen = Math.Max(seen, newest);
                return isNewer;
            });
        }
    }

    private static async Task<double> WidthAsync(Visitor visitor)
    {
        double[]? window = await visitor.Page.EvaluateAsync<double[]?>(Window);
        return window is null ? 0 : window[1] - window[0];
    }
}
