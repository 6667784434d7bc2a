using System.Text.RegularExpressions;
using Hyperpatch.Engine.Tests.Web.Export;
using Hyperpatch.Web.Security;
using Microsoft.Playwright;

namespace Hyperpatch.Engine.Tests.Web.Browser;

/// <summary>Export menus and what comes out of them, and a site on paper.</summary>
/// <param name="fixture">The browser.</param>
public sealed partial class ExportTests(BrowserFixture fixture) : IClassFixture<BrowserFixture>
{
    private static readonly byte[] s_png = [0x89, (byte)'P', (byte)'N', (byte)'G'];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_menu_is_worked_by_keyboard_and_gives_the_rows_that_the_filters_let_through()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        await using Visitor visitor = await Visitor.LogInAsync(browser, dashboard, AccessRole.Viewer);
        await OpenAsync(visitor, dashboard, "pane=exits&port=0x3F8");
        await Assertions.Expect(visitor.Test("exits-body").Locator("tr[data-sequence]").First).ToBeVisibleAsync();
        ILocator menu = visitor.Test("export-exits");
        ILocator opener = menu.Locator("summary");
        await Assertions.Expect(opener).ToHaveAccessibleNameAsync("Export recorded exits, with these filters");
        await opener.FocusAsync();
        await visitor.Page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(menu.GetByTestId("as-csv")).ToBeVisibleAsync();
        await visitor.Page.Keyboard.PressAsync("Escape");
        await Assertions.Expect(menu.GetByTestId("as-csv")).ToBeHiddenAsync();
        await Assertions.Expect(opener).ToBeFocusedAsync();
        await visitor.Page.Keyboard.PressAsync("Space");
        await visitor.Page.Keyboard.PressAsync("Tab");
        await Assertions.Expect(menu.GetByTestId("as-csv")).ToBeFocusedAsync();
        (string name, byte[] file) = await DownloadAsync(visitor, () => visitor.Page.Keyboard.PressAsync("Enter"));
        Assert.Matches(@"^hyperpatch-m1-exits-\d{8}-\d{6}\.csv$", name);
        List<string[]> rows = CsvReader.Read(System.Text.Encoding.UTF8.GetString(file));
        int port = Array.IndexOf(rows[0], "port");
        Assert.True(rows.Count > 1, "no rows");
        Assert.All(rows.Skip(1), row => Assert.Equal("1016", row[port]));
        await Assertions.Expect(menu.GetByTestId("as-csv")).ToBeHiddenAsync();
        await Assertions.Expect(opener).ToBeFocusedAsync();
        Assert.Contains("pane=exits&port=0x3F8", visitor.Page.Url, StringComparison.Ordinal);

        await opener.ClickAsync();
        (name, file) = await DownloadAsync(visitor, () => menu.GetByTestId("as-trace").ClickAsync());
        Assert.EndsWith(".trace.json", name, StringComparison.Ordinal);
        Assert.Contains("traceEvents", System.Text.Encoding.UTF8.GetString(file, 0, 200), StringComparison.Ordinal);

        // On a phone, too, all of it is on the screen.
        await visitor.Page.SetViewportSizeAsync(390, 844);
        foreach (string phone in new[] { "export-rates", "export-exits" })
        {
            await visitor.Test(phone).Locator("summary").ClickAsync();
            LocatorBoundingBoxResult box = (await visitor.Test(phone).Locator(".hp-menu-box").BoundingBoxAsync())!;
            Assert.InRange(box.X, 0, 390 - box.Width);
            await visitor.Page.Keyboard.PressAsync("Escape");
        }

        // A click elsewhere, or the focus on its way on, closes it.
        await opener.ClickAsync();
        await visitor.Page.Locator("h1").ClickAsync();
        await Assertions.Expect(menu.GetByTestId("as-csv")).ToBeHiddenAsync();
        Assert.Empty(visitor.Complaints);
    }

    [Theory]
    [InlineData(ColorScheme.Light)]
    [InlineData(ColorScheme.Dark)]
    public async Task A_chart_is_saved_as_a_picture_on_its_own_background(ColorScheme scheme)
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        await using Visitor visitor = await Visitor.LogInAsync(browser, dashboard, AccessRole.Viewer, scheme);
        await OpenAsync(visitor, dashboard, "pane=exits");
        await visitor.Page.WaitForFunctionAsync("() => globalThis.echarts && echarts.getInstanceByDom(document.querySelector('[data-testid=exits-chart]'))?.getOption()?.series?.[0]?.data?.[1]?.[1] > 0");
        ILocator menu = visitor.Test("export-rates");
        await menu.Locator("summary").ClickAsync();
        (string name, byte[] file) = await DownloadAsync(visitor, () => menu.GetByTestId("as-png").ClickAsync());
        Assert.Matches(@"^hyperpatch-m1-rates-\d{8}-\d{6}\.png$", name);
        Assert.Equal(s_png, file[..4]);

        // Its corner is the card's colour, opaque; and something is drawn: it has other colours, too.
        int[] seen = await visitor.Page.EvaluateAsync<int[]>("""
            async base64 => {
              const picture = new Image();
              picture.src = `data:image/png;base64,${base64}`;
              await picture.decode();
              const canvas = document.createElement('canvas');
              [canvas.width, canvas.height] = [picture.width, picture.height];
              const context = canvas.getContext('2d');
              context.drawImage(picture, 0, 0);
              const { data } = context.getImageData(0, 0, picture.width, picture.height);
              const colors = new Set();
              for (let i = 0; i < data.length; i += 4 * 97) colors.add(`${data[i]},${data[i + 1]},${data[i + 2]}`);
              const card = getComputedStyle(document.querySelector('.hp-card')).backgroundColor.match(/\d+/g).map(Number);
              return [data[0], data[1], data[2], data[3], ...card.slice(0, 3), colors.size, picture.width];
            }
            """, Convert.ToBase64String(file));
        Assert.Equal(seen[4..7], seen[..3]);
        Assert.Equal(255, seen[3]);
        Assert.InRange(seen[7], 5, int.MaxValue);
        Assert.InRange(seen[8], 600, int.MaxValue);

        // The same menu has the numbers behind it.
        await menu.Locator("summary").ClickAsync();
        (_, file) = await DownloadAsync(visitor, () => menu.GetByTestId("as-csv").ClickAsync());
        List<string[]> rows = CsvReader.Read(System.Text.Encoding.UTF8.GetString(file));
        Assert.Equal(["at", "vendor"], rows[0][..2]);
        Assert.Contains("PortIo", rows[0]);
        Assert.Empty(visitor.Complaints);
    }

    [Fact]
    public async Task The_heat_map_is_saved_as_a_picture()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        await using Visitor visitor = await Visitor.LogInAsync(browser, dashboard, AccessRole.Viewer);
        await OpenAsync(visitor, dashboard, "pane=latency");
        await Assertions.Expect(visitor.Test("latency-body").Locator("tr").First).ToBeVisibleAsync();
        ILocator menu = visitor.Test("export-latency-history");
        await menu.Locator("summary").ClickAsync();
        (string name, byte[] file) = await DownloadAsync(visitor, () => menu.GetByTestId("as-png").ClickAsync());
        Assert.Matches(@"^hyperpatch-latency-m1-\d{8}-\d{6}\.png$", name);
        Assert.Equal(s_png, file[..4]);
        Assert.Empty(visitor.Complaints);
    }

    [Fact]
    public async Task Every_table_has_a_menu_with_a_name_of_its_own()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        await using Visitor visitor = await Visitor.LogInAsync(browser, dashboard, AccessRole.Operator);
        await Assertions.Expect(visitor.Test("site-row").First).ToBeVisibleAsync();
        string machine = $"/machines/{dashboard.Machine.Id}";
        foreach ((string path, string[] menus) in new (string, string[])[]
        {
            (machine, ["sites", "exits", "rates", "history"]),
            ($"{machine}?pane=exits", ["rates", "reasons", "exits"]),
            ($"{machine}?pane=sites&site=1", ["sites", "site-history"]),
            ($"{machine}?pane=hypercalls", ["hypercalls"]),
            ($"{machine}?pane=latency", ["latency", "latency-history", "latency-histogram"]),
            ($"{machine}?pane=processors", ["processors"]),
            ($"{machine}?pane=breakpoints", ["points"]),
            ($"{machine}?pane=timeline", ["timeline"]),
            ("/", ["machines"]),
            ("/host", ["kvm"]),
        })
        {
            _ = await visitor.Page.GotoAsync(new Uri(dashboard.Address, path).ToString());
            foreach (string menu in menus)
            {
                ILocator one = visitor.Test($"export-{menu}");
                await Assertions.Expect(one.Locator("summary")).ToHaveAccessibleNameAsync(new Regex("^Export [a-zK]"));
                await one.Locator("summary").ClickAsync();
                foreach (ILocator link in await one.Locator("a").AllAsync())
                {
                    IAPIResponse file = await visitor.Page.APIRequest.GetAsync(new Uri(dashboard.Address, await link.GetAttributeAsync("href")).ToString());
                    Assert.True(file.Ok, $"{path}, {menu}: {file.Status} for {file.Url}");
                    Assert.StartsWith("attachment", file.Headers["content-disposition"], StringComparison.Ordinal);
                }
            }

            string?[] names = await visitor.Page.EvaluateAsync<string[]>("() => [...document.querySelectorAll('[data-hp-menu] > summary')].map(one => one.ariaLabel)");
            Assert.Equal(names.Distinct(), names);
        }

        Assert.Empty(visitor.Complaints);
    }

    [Theory]
    [InlineData(ColorScheme.Light)]
    [InlineData(ColorScheme.Dark)]
    public async Task A_site_is_printed_with_its_bytes_code_and_history_and_nothing_else(ColorScheme scheme)
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        await using Visitor visitor = await Visitor.LogInAsync(browser, dashboard, AccessRole.Operator, scheme);
        await Assertions.Expect(visitor.Test("site-row").First).ToBeVisibleAsync();
        await visitor.Test("vendor-amd").ClickAsync();
        await Assertions.Expect(visitor.Test("site-bytes").First).ToContainTextAsync("D9");
        await OpenAsync(visitor, dashboard, "pane=sites&site=1");
        await Assertions.Expect(visitor.Test("site-history").Locator("tbody tr").First).ToBeVisibleAsync();
        await Assertions.Expect(visitor.Test("site-print")).ToBeVisibleAsync();

        // Escape closes the menu first, and the site only then.
        await visitor.Test("export-site-history").Locator("summary").ClickAsync();
        await visitor.Page.Keyboard.PressAsync("Escape");
        await Assertions.Expect(visitor.Test("site-panel")).ToBeVisibleAsync();

        await visitor.Page.EmulateMediaAsync(new() { Media = Media.Print });
        await visitor.Page.SetViewportSizeAsync(680, 960);
        foreach (string hidden in new[] { ".hp-header", ".hp-tabs", ".hp-machine-stage", ".hp-machine-tools", ".hp-controls", "[data-testid=sites-body]", "[data-testid=site-print]", "[data-testid=export-site-history]" })
        {
            await Assertions.Expect(visitor.Page.Locator(hidden).First).ToBeHiddenAsync();
        }

        await Assertions.Expect(visitor.Page.Locator("h1")).ToBeVisibleAsync();
        await Assertions.Expect(visitor.Test("site-panel").Locator(".hp-bytes-large")).ToBeVisibleAsync();
        await Assertions.Expect(visitor.Test("site-disassembly").Locator(".hp-code-here")).ToBeVisibleAsync();
        await Assertions.Expect(visitor.Test("site-history").Locator("tbody tr").First).ToBeVisibleAsync();
        await Assertions.Expect(visitor.Page.Locator(".hp-print-only")).ToContainTextAsync("which sees AMD now");

        // Dark on white whatever the theme, everything within the sheet, and nothing cut off in a part that scrolls.
        int[] seen = await visitor.Page.EvaluateAsync<int[]>("""
            () => {
              const light = color => color.match(/[\d.]+/g).slice(0, 3).map(Number).reduce((sum, one) => sum + one, 0);
              const cells = [...document.querySelectorAll('.hp-site-panel :is(td, th, h2, h3, p, .hp-byte)')];
              const scrolls = [...document.querySelectorAll('.hp-site-panel .hp-scroll')];
              return [light(getComputedStyle(document.body).backgroundColor), Math.max(...cells.map(cell => light(getComputedStyle(cell).color))),
                document.documentElement.scrollWidth - innerWidth, scrolls.filter(one => getComputedStyle(one).overflow !== 'visible' || one.scrollWidth > one.clientWidth + 1).length];
            }
            """);
        Assert.Equal(765, seen[0]);
        Assert.InRange(seen[1], 0, 300);
        Assert.InRange(seen[2], int.MinValue, 0);
        Assert.Equal(0, seen[3]);
        byte[] pdf = await visitor.Page.PdfAsync(new() { Format = "A4" });
        Assert.Equal("%PDF"u8.ToArray(), pdf[..4]);
        Assert.InRange(PdfPage().Count(System.Text.Encoding.Latin1.GetString(pdf)), 1, 4);
        Assert.Empty(visitor.Complaints);
    }

    [Fact]
    public async Task Without_a_filter_the_rows_of_the_long_table_go_on_coming()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        await using Visitor visitor = await Visitor.LogInAsync(browser, dashboard, AccessRole.Viewer);
        await OpenAsync(visitor, dashboard, "pane=exits");
        ILocator newest = visitor.Test("exits-body").Locator("tr[aria-rowindex='2']");
        await Assertions.Expect(newest).ToBeVisibleAsync();
        await Patience.UntilAsync("the table has taken in the recorded exits", async () =>
            int.Parse(await visitor.Page.Locator("table.hp-exits").GetAttributeAsync("aria-rowcount") ?? "0", System.Globalization.CultureInfo.InvariantCulture) > 50);
        await Task.Delay(1500, Cancellation);
        for (int round = 0; round < 3; round++)
        {
            string? before = await newest.GetAttributeAsync("data-sequence");
            await Patience.UntilAsync("a newer exit is on top", async () => await newest.GetAttributeAsync("data-sequence") != before);
        }

        Assert.Empty(visitor.Complaints);
    }

    [GeneratedRegex(@"/Type\s*/Page\b(?!s)")]
    private static partial Regex PdfPage();

    private static Task OpenAsync(Visitor visitor, Dashboard dashboard, string query) =>
        visitor.Page.GotoAsync(new Uri(dashboard.Address, $"/machines/{dashboard.Machine.Id}?{query}").ToString());

    private static async Task<(string Name, byte[] File)> DownloadAsync(Visitor visitor, Func<Task> start)
    {
        IDownload download = await visitor.Page.RunAndWaitForDownloadAsync(start);
        await using Stream stream = await download.CreateReadStreamAsync();
        using MemoryStream file = new();
        await stream.CopyToAsync(file, Cancellation);
        return (download.SuggestedFilename, file.ToArray());
    }
}
