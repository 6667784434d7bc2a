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
    public async Task Percentiles_heat_map_and_histogram_are_seen_and_told_and_hypercalls_by_number()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        await using Visitor visitor = await Visitor.LogInAsync(browser, dashboard, AccessRole.Viewer);
        await OpenAsync(visitor, dashboard, "pane=latency");
        await ComeToLifeAsync(visitor);
        await ReadTheHeatMapAsync(visitor);
        await ZoomTheHeatMapAsync(visitor);
        await OpenAsync(visitor, dashboard, "pane=latency&range=2h");
        await ReasonAndRangeAsync(visitor);
        await OpenAsync(visitor, dashboard, "pane=hypercalls");
        await HypercallsAsync(visitor);
        Assert.Empty(visitor.Complaints);
    }

    [Fact]
    public async Task An_hour_of_the_heat_map_is_zoomed_and_moved_by_pointer_and_keyboard()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartAsync(withoutAccelerator: true);
        await using Visitor visitor = await Visitor.LogInAsync(browser, dashboard, AccessRole.Viewer);
        await visitor.Page.EvaluateAsync("""
            async () => {
              const [{ LatencyModel }, { HeatMapView }] = await Promise.all(['latency-model', 'heat-map'].map(name => import(`/js/machine/${name}.js`)));
              const card = document.createElement('div');
              card.className = 'hp-card';
              card.style.cssText = 'position: fixed; inset: 0 auto auto 0; width: 900px; z-index: 9';
              card.innerHTML = '<button data-hp-live hidden>live</button><div class="hp-heat" data-hp-range="3600000" tabindex="0" data-testid="heat"><canvas></canvas></div><p><span data-hp-readout></span><span data-hp-said></span></p>';
              document.body.append(card);
              const latency = new LatencyModel();
              const bounds = Array.from({ length: 241 }, (_, bucket) => bucket < 8 ? bucket : 2 ** ((bucket >> 3) - 1) * (8 + (bucket & 7)));
              // Noon of some day: a time of day that goes on for an hour on either side, in every zone.
              const end = new Date(2026, 4, 5, 12).getTime();
              const column = index => ({ from: end - 5000 + index * 5000, to: end + index * 5000, maxNs: 9e6, cells: [90, 7, 100, 5] });
              latency.apply({ isFirst: true, figures: [], bounds, columns: Array.from({ length: 720 }, (_, index) => column(index - 719)) });
              const view = new HeatMapView(card.querySelector('.hp-heat'));
              view.draw({ latency });
              globalThis.heat = { more: index => { latency.apply({ isFirst: false, figures: [], bounds: null, columns: [column(index)] }); view.draw({ latency }); } };
            }
            """);
        ILocator heat = visitor.Test("heat");
        ILocator back = visitor.Page.Locator("[data-hp-live]");
        LocatorBoundingBoxResult box = (await heat.BoundingBoxAsync())!;
        (float left, float right, float y) = (box.X + 64, box.X + box.Width - 12, box.Y + (box.Height / 2));
        float middle = (left + right) / 2;
        Assert.Equal(3600, await AtAsync(right) - await AtAsync(left), 30.0);

        // The moment under the pointer stays there, and so does the button back to live, until the whole is shown.
        double held = await AtAsync(middle);
        await visitor.Page.Mouse.WheelAsync(0, -240);
        Assert.Equal(held, await AtAsync(middle), 12.0);
        double width = await AtAsync(right) - await AtAsync(left);
        Assert.InRange(width, 1200, 3300);
        await Assertions.Expect(back).ToBeVisibleAsync();

        // What is dragged goes along, and is as wide as before.
        await AtAsync(middle);
        await visitor.Page.Mouse.DownAsync();
        await visitor.Page.Mouse.MoveAsync(middle + 120, y, new MouseMoveOptions { Steps = 4 });
        await visitor.Page.Mouse.UpAsync();
        Assert.Equal(held, await AtAsync(middle + 120), 12.0);
        Assert.Equal(width, await AtAsync(right) - await AtAsync(left), 12.0);

        // It stands still while time goes on, and shift with an arrow key moves it by a quarter.
        double first = await AtAsync(left);
        await visitor.Page.EvaluateAsync("() => heat.more(1)");
        Assert.Equal(first, await AtAsync(left));
        await heat.FocusAsync();
        await visitor.Page.Keyboard.PressAsync("Shift+ArrowRight");
        Assert.Equal(first + (width / 4), await AtAsync(left), 12.0);

        // The cross-hair takes along what is shown where it leaves it.
        await visitor.Page.Keyboard.PressAsync("Shift+ArrowLeft");
        first = await AtAsync(left);
        await visitor.Page.Keyboard.PressAsync("ArrowLeft");
        await visitor.Page.Keyboard.PressAsync("PageUp");
        Assert.InRange(await AtAsync(left), first - 70, first - 30);

        await visitor.Page.Keyboard.PressAsync("0");
        await Assertions.Expect(back).ToBeHiddenAsync();
        Assert.Equal(3600, await AtAsync(right) - await AtAsync(left), 30.0);
        await visitor.Page.Keyboard.PressAsync("+");
        Assert.Equal(1800, await AtAsync(right) - await AtAsync(left), 30.0);

        // At the present it follows that.
        double latest = await AtAsync(right);
        await visitor.Page.EvaluateAsync("() => { for (let index = 2; index < 8; index++) heat.more(index); }");
        Assert.Equal(latest + 30, await AtAsync(right), 6.0);
        await back.ClickAsync();
        await Assertions.Expect(back).ToBeHiddenAsync();
        Assert.Empty(visitor.Complaints);

        // Seconds of the day that the cross-hair tells at a place.
        async Task<double> AtAsync(float x)
        {
            await visitor.Page.Mouse.MoveAsync(x, y);
            string text = await visitor.Page.Locator("[data-hp-readout]").InnerTextAsync();
            Assert.Matches(@"^\d\d:\d\d:\d\d, ", text);
            return TimeSpan.Parse(text[..8], CultureInfo.InvariantCulture).TotalSeconds;
        }
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

    private static async Task ComeToLifeAsync(Visitor visitor)
    {
        ILocator rows = visitor.Test("latency-body").Locator("tr");
        await Assertions.Expect(rows.Nth(2)).ToBeVisibleAsync();
        await Assertions.Expect(rows.First).ToContainTextAsync("All");
        await Assertions.Expect(rows.First).ToContainTextAsync(new Regex("(ns|µs|ms)"));
        await Patience.UntilAsync("the heat map is painted", async () => (await visitor.Page.EvaluateAsync<int[]>(Painted)) is [> 2, > 50]);
        await visitor.Page.WaitForFunctionAsync("() => globalThis.echarts?.getInstanceByDom(document.querySelector('[data-testid=latency-histogram] .hp-plot'))?.getOption()?.series?.[0]?.data?.length > 2");

        // The same in numbers, for whoever does not see pictures.
        await visitor.Test("latency-columns-table").Locator("summary").ClickAsync();
        await Assertions.Expect(visitor.Test("latency-columns").Locator("tr").Nth(1)).ToContainTextAsync(new Regex(@"\d\d:\d\d:\d\d"));
        await visitor.Test("latency-buckets-table").Locator("summary").FocusAsync();
        await visitor.Page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(visitor.Test("latency-buckets").Locator("tr").Nth(1)).ToContainTextAsync("%");
    }

    private static async Task ReadTheHeatMapAsync(Visitor visitor)
    {
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
    }

    private static async Task ReasonAndRangeAsync(Visitor visitor)
    {
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
    }

    private static async Task HypercallsAsync(Visitor visitor)
    {
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
    }

    private static async Task ZoomTheHeatMapAsync(Visitor visitor)
    {
        ILocator back = visitor.Page.GetByRole(AriaRole.Button, new() { Name = "Back to live" });
        await Assertions.Expect(back).ToBeHiddenAsync();
        await visitor.Test("latency-heat").FocusAsync();
        await visitor.Page.Keyboard.PressAsync("+");
        await Assertions.Expect(back).ToBeVisibleAsync();
        Assert.Contains("pane=latency", visitor.Page.Url, StringComparison.Ordinal);
        await visitor.Page.Keyboard.PressAsync("0");
        await Assertions.Expect(back).ToBeHiddenAsync();
        Assert.Contains("pane=latency", visitor.Page.Url, StringComparison.Ordinal);
    }

    private static Task OpenAsync(Visitor visitor, Dashboard dashboard, string query) =>
        visitor.Page.GotoAsync(new Uri(dashboard.Address, $"/machines/{dashboard.Machine.Id}?{query}").ToString());
}
