using System.Globalization;
using System.Text.RegularExpressions;
using Hyperpatch.Web.Security;
using Microsoft.Playwright;

namespace Hyperpatch.Engine.Tests.Web.Browser;

/// <summary>Handling times: percentiles, heat map and histogram, and the hypercalls' table.</summary>
/// <param name="fixture">The browser.</param>
public sealed class LatencyPaneTests(BrowserFixture fixture) : IClassFixture<BrowserFixture>
{
    // How many different colours the heat map's cells have, and how many of its pixels are of one of them.
    private const string Painted = """
        () => {
          const canvas = document.querySelector('[data-testid=latency-heat] canvas');
          if (!canvas || canvas.width < 100) return [0, 0];
          const scale = devicePixelRatio;
          const [left, top, right, bottom] = [64, 28, 12, 26].map(value => value * scale);
          // From a copy: a canvas that is read back often draws by other means.
          const copy = document.createElement('canvas');
          Object.assign(copy, { width: canvas.width, height: canvas.height });
          const context = copy.getContext('2d', { willReadFrequently: true });
          context.drawImage(canvas, 0, 0);
          const { data } = context.getImageData(left, top, canvas.width - left - right, canvas.height - top - bottom);
          const colors = new Map();
          for (let i = 0; i < data.length; i += 4) {
            if (data[i + 3] === 255 && Math.max(data[i], data[i + 1], data[i + 2]) - Math.min(data[i], data[i + 1], data[i + 2]) > 15) {
              const key = (data[i] << 16) | (data[i + 1] << 8) | data[i + 2];
              colors.set(key, (colors.get(key) ?? 0) + 1);
            }
          }
          return [colors.size, [...colors.values()].reduce((sum, one) => sum + one, 0)];
        }
        """;

    [Fact]
    public async Task Percentiles_heat_map_and_histogram_come_to_life()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        await using Visitor visitor = await Visitor.LogInAsync(browser, dashboard, AccessRole.Viewer);
        await OpenAsync(visitor, dashboard, "pane=latency");
        ILocator rows = visitor.Test("latency-body").Locator("tr");
        await Assertions.Expect(rows.Nth(2)).ToBeVisibleAsync();
        await Assertions.Expect(rows.First).ToContainTextAsync("All");
        await Assertions.Expect(rows.First).ToContainTextAsync(new Regex("(ns|µs|ms)"));
        await Patience.UntilAsync("the heat map is painted", async () => (await visitor.Page.EvaluateAsync<int[]>(Painted)) is [> 2, > 50]);
        await visitor.Page.WaitForFunctionAsync("() => globalThis.echarts?.getInstanceByDom(document.querySelector('[data-testid=latency-histogram]'))?.getOption()?.series?.[0]?.data?.length > 2");

        // The same in numbers, for whoever does not see pictures.
        await visitor.Test("latency-columns-table").Locator("summary").ClickAsync();
        await Assertions.Expect(visitor.Test("latency-columns").Locator("tr").Nth(1)).ToContainTextAsync(new Regex(@"\d\d:\d\d:\d\d"));
        await visitor.Test("latency-buckets-table").Locator("summary").FocusAsync();
        await visitor.Page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(visitor.Test("latency-buckets").Locator("tr").Nth(1)).ToContainTextAsync("%");
        Assert.Empty(visitor.Complaints);
    }

    [Fact]
    public async Task Reason_and_range_are_in_the_address_and_what_is_none_is_named()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        await using Visitor visitor = await Visitor.LogInAsync(browser, dashboard, AccessRole.Viewer);
        await OpenAsync(visitor, dashboard, "pane=latency&range=2h");
        await Assertions.Expect(visitor.Test("latency-error")).ToContainTextAsync("1h");
        await visitor.Test("latency-range-1h").ClickAsync();
        await Assertions.Expect(visitor.Page).ToHaveURLAsync(new Regex("pane=latency&range=1h$"));
        await Assertions.Expect(visitor.Test("latency-error")).ToHaveCountAsync(0);
        await Assertions.Expect(visitor.Test("latency-heat")).ToHaveAttributeAsync("data-hp-range", "3600000");
        _ = await visitor.Test("latency-reason").SelectOptionAsync("Hypercall");
        await Assertions.Expect(visitor.Page).ToHaveURLAsync(new Regex("pane=latency&reason=Hypercall&range=1h$"));
        ILocator rows = visitor.Test("latency-body").Locator("tr");
        await Assertions.Expect(rows).ToHaveCountAsync(1);
        await Assertions.Expect(rows.First).ToContainTextAsync("Hypercall");
        _ = await visitor.Page.ReloadAsync();
        await Assertions.Expect(rows).ToHaveCountAsync(1);
        await Assertions.Expect(visitor.Test("latency-reason")).ToHaveValueAsync("Hypercall");
        Assert.Empty(visitor.Complaints);
    }

    [Fact]
    public async Task The_heat_map_is_read_by_keyboard_and_pointer()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        await using Visitor visitor = await Visitor.LogInAsync(browser, dashboard, AccessRole.Viewer);
        await OpenAsync(visitor, dashboard, "pane=latency");
        await Patience.UntilAsync("the heat map is painted", async () => (await visitor.Page.EvaluateAsync<int[]>(Painted)) is [> 2, > 50]);
        ILocator readout = visitor.Test("heat-readout");
        ILocator said = visitor.Test("pane-latency").Locator("[data-hp-said]");
        await visitor.Test("latency-heat").FocusAsync();
        await visitor.Page.Keyboard.PressAsync("ArrowLeft");
        Regex place = new(@"^\d\d:\d\d:\d\d, [\d.]+ .s to [\d.]+ .s: [\d,]+ exits?; [\d,]+ in all: p50 .*, p99 .*, longest ");
        await Assertions.Expect(said).ToHaveTextAsync(place);
        await Assertions.Expect(readout).ToHaveTextAsync(place);
        string first = await said.InnerTextAsync();
        await visitor.Page.Keyboard.PressAsync("ArrowUp");
        await Patience.UntilAsync("another bucket is told", async () => await said.InnerTextAsync() != first);
        Assert.Equal(first[..8], (await said.InnerTextAsync())[..8]);
        await visitor.Page.Keyboard.PressAsync("Escape");
        await Assertions.Expect(readout).ToContainTextAsync("arrow keys");
        Assert.Contains("pane=latency", visitor.Page.Url, StringComparison.Ordinal);

        // At its right end: there is the latest second, however short the machine has run.
        LocatorBoundingBoxResult box = (await visitor.Test("latency-heat").BoundingBoxAsync())!;
        await visitor.Test("latency-heat").HoverAsync(new LocatorHoverOptions { Position = new Position { X = box.Width - 14, Y = box.Height / 2 } });
        await Assertions.Expect(readout).ToContainTextAsync(new Regex(@"^\d\d:\d\d:\d\d, "));
        await visitor.Test("latency-body").HoverAsync();
        await Assertions.Expect(readout).ToContainTextAsync("arrow keys");
        Assert.Empty(visitor.Complaints);
    }

    [Theory]
    [InlineData("latency", "latency-body")]
    [InlineData("hypercalls", "hypercalls-body")]
    public async Task A_phone_shows_it_without_scrolling_sideways(string pane, string body)
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        await using Visitor visitor = await Visitor.LogInAsync(browser, dashboard, AccessRole.Viewer, ColorScheme.Dark);
        await visitor.Page.SetViewportSizeAsync(390, 844);
        await OpenAsync(visitor, dashboard, $"pane={pane}");
        await Assertions.Expect(visitor.Test(body).Locator("tr").First).ToBeVisibleAsync();
        Assert.True(await visitor.Page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= innerWidth"), "the pane is wider than a phone");
        Assert.Empty(visitor.Complaints);
    }

    [Fact]
    public async Task Hypercalls_are_told_by_number_with_their_times()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        await using Visitor visitor = await Visitor.LogInAsync(browser, dashboard, AccessRole.Viewer);
        await OpenAsync(visitor, dashboard, "pane=hypercalls");
        ILocator row = visitor.Test("hypercalls-body").Locator("tr").First;
        await Assertions.Expect(row).ToBeVisibleAsync();
        // p50, p90, p99 and the longest; then the result, and four arguments.
        for (int cell = 3; cell <= 6; cell++)
        {
            await Assertions.Expect(row.Locator("td").Nth(cell)).ToHaveTextAsync(new Regex(@"^[\d.]+ (ns|µs|ms|s)$"));
        }

        await Assertions.Expect(row.Locator("td").Nth(7)).ToHaveTextAsync(new Regex(@"^-?\d+"));
        await Assertions.Expect(row.Locator("td").Nth(8)).ToHaveTextAsync(new Regex("^0x[0-9A-F]+  0x[0-9A-F]+  0x[0-9A-F]+  0x[0-9A-F]+$"));
        await visitor.Test("hypercall-latency").ClickAsync();
        await Assertions.Expect(visitor.Test("pane-latency")).ToBeVisibleAsync();
        await Assertions.Expect(visitor.Test("latency-reason")).ToHaveValueAsync("Hypercall");
        Assert.Empty(visitor.Complaints);
    }

    [Fact]
    public async Task A_redraw_with_an_hour_of_data_is_measured_and_what_is_kept_has_a_bound()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartAsync(withoutAccelerator: true);
        await using Visitor visitor = await Visitor.LogInAsync(browser, dashboard, AccessRole.Viewer);
        double[] times = await visitor.Page.EvaluateAsync<double[]>("""
            async () => {
              const [{ LatencyModel, bucketOf }, { HeatMapView }] = await Promise.all(['latency-model', 'heat-map'].map(name => import(`/js/machine/${name}.js`)));
              const card = document.createElement('div');
              card.className = 'hp-card';
              card.style.width = '900px';
              card.innerHTML = '<div class="hp-heat" data-hp-range="3600000"><canvas></canvas></div><p><span data-hp-readout></span><span data-hp-said></span></p>';
              document.body.prepend(card);
              const latency = new LatencyModel();
              const bounds = Array.from({ length: 241 }, (_, bucket) => bucket < 8 ? bucket : 2 ** ((bucket >> 3) - 1) * (8 + (bucket & 7)));
              for (const ns of [3, 8, 100, 6543, 1e6]) {
                const bucket = Math.floor(bucketOf(ns));
                if (bounds[bucket] > ns || bounds[bucket + 1] <= ns) throw new Error(`${ns} ns is not in bucket ${bucket}`);
              }
              const end = Date.now();
              const column = to => ({ from: to - 5000, to, maxNs: 9e6, cells: Array.from({ length: 50 }, (_, index) => [60 + index, 1 + Math.floor(Math.random() * 1000)]).flat() });
              latency.apply({ isFirst: true, figures: [], bounds, columns: Array.from({ length: 720 }, (_, index) => column(end - (719 - index) * 5000)) });
              const view = new HeatMapView(card.firstElementChild);
              const canvas = card.querySelector('canvas');
              const copy = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
              const times = [];
              const script = [];
              for (let i = 1; i <= 30; i++) {
                latency.apply({ isFirst: false, figures: [], bounds: null, columns: [column(end + i * 5000)] });
                const before = performance.now();
                view.draw({ latency });
                const drawn = performance.now();
                // Reading a pixel of a copy waits until all of it is painted.
                copy.drawImage(canvas, 0, 0);
                copy.getImageData(200, 100, 1, 1);
                times.push(performance.now() - before);
                script.push(drawn - before);
              }
              times.splice(0, 5);
              times.push(script.sort((a, b) => a - b)[15], latency.columns.length);
              view.dispose();
              return times;
            }
            """);
        double[] sorted = [.. times[..^2].Order()];
        TestContext.Current.TestOutputHelper!.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"A redraw of the heat map with an hour of data, {times[^1] * 50} cells: median {sorted[sorted.Length / 2]:0.0} ms, {sorted[0]:0.0} to {sorted[^1]:0.0} ms, of which script {times[^2]:0.0} ms"));
        Assert.InRange(times[^1], 720, 730);
        Assert.Empty(visitor.Complaints);
    }

    private static Task OpenAsync(Visitor visitor, Dashboard dashboard, string query) =>
        visitor.Page.GotoAsync(new Uri(dashboard.Address, $"/machines/{dashboard.Machine.Id}?{query}").ToString());
}
