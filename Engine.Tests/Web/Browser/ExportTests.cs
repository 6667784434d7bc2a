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

    [Fact]
    public async Task A_chart_is_saved_as_a_picture_on_its_own_background()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        await using Visitor visitor = await Visitor.LogInAsync(browser, dashboard, AccessRole.Viewer);
        await OpenAsync(visitor, dashboard, "pane=exits");
        await visitor.Page.WaitForFunctionAsync("() => globalThis.echarts && echarts.getInstanceByDom(document.querySelector('[data-testid=exits-chart] .hp-plot'))?.getOption()?.series?.[0]?.data?.[1]?.[1] > 0");
        ILocator menu = visitor.Test("export-rates");
        foreach (Look look in new[] { Look.Light, Look.Dark })
        {
            await look.EmulateAsync(visitor.Page);
            await menu.Locator("summary").ClickAsync();
            (string called, byte[] picture) = await DownloadAsync(visitor, () => menu.GetByTestId("as-png").ClickAsync());
            Assert.Matches(@"^hyperpatch-m1-rates-\d{8}-\d{6}\.png$", called);
            Assert.Equal(s_png, picture[..4]);

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
                """, Convert.ToBase64String(picture));
            Assert.Equal(seen[4..7], seen[..3]);
            Assert.Equal(255, seen[3]);
            Assert.InRange(seen[7], 5, int.MaxValue);
            Assert.InRange(seen[8], 600, int.MaxValue);
        }

        // The same menu has the numbers behind it.
        await menu.Locator("summary").ClickAsync();
        (string name, byte[] file) = await DownloadAsync(visitor, () => menu.GetByTestId("as-csv").ClickAsync());
        List<string[]> rows = CsvReader.Read(System.Text.Encoding.UTF8.GetString(file));
        Assert.Equal(["at", "vendor"], rows[0][..2]);
        Assert.Contains("PortIo", rows[0]);

        // The heat map, and the small chart on a machine's card, which has its minute as a table, too.
        await OpenAsync(visitor, dashboard, "pane=latency");
        await Assertions.Expect(visitor.Test("latency-body").Locator("tr").First).ToBeVisibleAsync();
        await SavePictureAsync(visitor, "latency-history", "latency-m1");
        _ = await visitor.Page.GotoAsync(dashboard.Address.ToString());
        await visitor.Page.WaitForFunctionAsync("() => (document.querySelector('canvas[data-hp-spark]')?.width ?? 300) !== 300");
        await SavePictureAsync(visitor, "rates-m1", "m1-rates");
        await visitor.Test("export-rates-m1").Locator("summary").ClickAsync();
        (name, file) = await DownloadAsync(visitor, () => visitor.Test("export-rates-m1").GetByTestId("as-csv").ClickAsync());
        Assert.Matches(@"^hyperpatch-m1-rates-\d{8}-\d{6}\.csv$", name);
        Assert.InRange(CsvReader.Read(System.Text.Encoding.UTF8.GetString(file)).Count, 2, 130);
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

        // Rows that stand still: menus are looked at one by one.
        dashboard.Machine.Machine.Pause();
        string machine = $"/machines/{dashboard.Machine.Id}";
        foreach ((string path, string[] menus) in new (string, string[])[]
        {
            (machine, ["sites", "exits", "rates", "history"]),
            ($"{machine}?pane=exits", ["rates", "reasons", "exits"]),
            ($"{machine}?pane=sites&site=1", ["sites", "site-history"]),
            ($"{machine}?pane=hypercalls", ["hypercalls"]),
            ($"{machine}?pane=latency", ["latency", "latency-history", "latency-histogram"]),
            ($"{machine}?pane=processors", ["processors"]),
            ($"{machine}?pane=memory&address=%231", ["memory", "disassembly", "translation"]),
            ($"{machine}?pane=memory&address=1000&space=physical", ["memory", "disassembly"]),
            ($"{machine}?pane=breakpoints", ["points"]),
            ($"{machine}?pane=timeline", ["timeline"]),
            ("/", ["machines", "rates-m1"]),
            ("/host", ["kvm", "facts"]),
        })
        {
            _ = await visitor.Page.GotoAsync(new Uri(dashboard.Address, path).ToString());
            await Assertions.Expect(visitor.Test($"export-{menus[0]}")).ToBeVisibleAsync();
            string[] probes = path == "/host" ? await visitor.Page.Locator("[data-testid^=export-probe-]").EvaluateAllAsync<string[]>("all => all.map(one => one.dataset.testid.slice('export-'.length))") : [];
            foreach (string menu in menus.Concat(probes))
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

    [Fact]
    public async Task A_site_is_printed_with_its_bytes_code_and_history_and_nothing_else()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        await using Visitor visitor = await Visitor.LogInAsync(browser, dashboard, AccessRole.Operator);
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
        foreach (string hidden in new[] { ".hp-header", ".hp-tabs", ".hp-machine-stage", ".hp-machine-tools", ".hp-controls", "[data-testid=tab-sites]", "[data-testid=vendor-amd]", "[data-testid=sites-body]", "[data-testid=site-print]", "[data-testid=export-site-history]" })
        {
            await Assertions.Expect(visitor.Page.Locator(hidden).First).ToBeHiddenAsync();
        }

        await Assertions.Expect(visitor.Page.Locator("h1")).ToBeVisibleAsync();
        await Assertions.Expect(visitor.Test("site-panel").Locator(".hp-bytes-large")).ToBeVisibleAsync();
        await Assertions.Expect(visitor.Test("site-disassembly").Locator(".hp-code-here")).ToBeVisibleAsync();
        await Assertions.Expect(visitor.Test("site-history").Locator("tbody tr").First).ToBeVisibleAsync();
        await Assertions.Expect(visitor.Page.Locator(".hp-print-only")).ToContainTextAsync("which sees AMD now");

        foreach (Look look in new[] { Look.Light, Look.Dark })
        {
            await look.EmulateAsync(visitor.Page);
            // Dark on white whatever the theme, everything within the sheet, and nothing cut off in a part that scrolls.
            int[] seen = await visitor.Page.EvaluateAsync<int[]>("""
                () => {
                  const light = color => color.match(/[\d.]+/g).slice(0, 3).map(Number).reduce((sum, one) => sum + one, 0);
                  const cells = [...document.querySelectorAll('.hp-main h1, .hp-site-panel :is(td, th, h2, h3, p, .hp-byte)')];
                  const scrolls = [...document.querySelectorAll('.hp-site-panel .hp-scroll')];
                  return [light(getComputedStyle(document.body).backgroundColor), Math.max(...cells.map(cell => light(getComputedStyle(cell).color))),
                    document.documentElement.scrollWidth - innerWidth, scrolls.filter(one => getComputedStyle(one).overflow !== 'visible' || one.scrollWidth > one.clientWidth + 1).length];
                }
                """);
            Assert.Equal(765, seen[0]);
            Assert.InRange(seen[1], 0, 300);
            Assert.InRange(seen[2], int.MinValue, 0);
            Assert.Equal(0, seen[3]);
            await Pictures.SaveAsync(visitor.Page, $"print-site-{look.Text()}", fullPage: true);
        }

        byte[] pdf = await visitor.Page.PdfAsync(new() { Format = "A4" });
        await Pictures.WriteAsync(pdf, "print-site.pdf");
        Assert.Equal("%PDF-"u8.ToArray(), pdf[..5]);

        // An empty sheet of Chromium's is about 1 kB.
        Assert.True(pdf.Length > 10_000, $"the PDF has {pdf.Length} bytes");
        Assert.InRange(PdfPage().Count(System.Text.Encoding.Latin1.GetString(pdf)), 1, 4);
        Assert.Empty(visitor.Complaints);
    }

    [GeneratedRegex(@"/Type\s*/Page\b(?!s)")]
    private static partial Regex PdfPage();

    private static Task OpenAsync(Visitor visitor, Dashboard dashboard, string query) =>
        visitor.Page.GotoAsync(new Uri(dashboard.Address, $"/machines/{dashboard.Machine.Id}?{query}").ToString());

    private static async Task SavePictureAsync(Visitor visitor, string menu, string subject)
    {
        await visitor.Test($"export-{menu}").Locator("summary").ClickAsync();
        (string name, byte[] file) = await DownloadAsync(visitor, () => visitor.Test($"export-{menu}").GetByTestId("as-png").ClickAsync());
        Assert.Matches($@"^hyperpatch-{subject}-\d{{8}}-\d{{6}}\.png$", name);
        Assert.Equal(s_png, file[..4]);
    }

    private static async Task<(string Name, byte[] File)> DownloadAsync(Visitor visitor, Func<Task> start)
    {
        IDownload download = await visitor.Page.RunAndWaitForDownloadAsync(start);
        await using Stream stream = await download.CreateReadStreamAsync();
        using MemoryStream file = new();
        await stream.CopyToAsync(file, Cancellation);
        return (download.SuggestedFilename, file.ToArray());
    }
}
