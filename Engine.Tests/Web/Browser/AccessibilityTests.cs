using System.Globalization;
using Deque.AxeCore.Commons;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Machine.PausePoints;
using Hyperpatch.Engine.Vendors;
using Hyperpatch.Web.Security;
using Microsoft.Playwright;

namespace Hyperpatch.Engine.Tests.Web.Browser;

/// <summary>axe (WCAG 2.2 A and AA, and its best practices) finds nothing on any page or pane, in any theme; with high contrast nothing of its 7:1 either.</summary>
/// <param name="fixture">The browser.</param>
public sealed class AccessibilityTests(BrowserFixture fixture) : IClassFixture<BrowserFixture>
{
    // All rules of WCAG 2.2 A and AA, and the best practices.
    private const string All = """{ "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], "resultTypes": ["violations"] }""";

    // What a theme can change. The other rules look at the document, which is the same in each.
    private const string OfColours = """{ "runOnly": { "type": "rule", "values": ["color-contrast", "link-in-text-block", "target-size"] }, "resultTypes": ["violations"] }""";

    // High contrast is held to 7:1 as well (WCAG 1.4.6, which is AAA).
    private const string Enhanced = """{ "runOnly": { "type": "rule", "values": ["color-contrast", "color-contrast-enhanced", "link-in-text-block", "target-size"] }, "resultTypes": ["violations"] }""";

    private const string Run = """
        async options => (await axe.run(document, JSON.parse(options))).violations
          .flatMap(violation => violation.nodes.map(node => `${violation.id} (${violation.impact}): ${node.target}: ${node.html.slice(0, 300)}`))
        """;

    private static readonly string s_axe = new BundledAxeScriptProvider().GetScript();
    private static readonly Look[] s_looks = [Look.Light, Look.Dark, Look.Contrast, Look.DarkContrast];

    [Fact]
    public async Task Nothing_is_found_on_any_page_in_any_theme()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        VirtualMachine machine = dashboard.Machine.Machine;

        // A colour half-way from one theme to another is nobody's.
        await using Visitor visitor = await Visitor.LogInAsync(browser, dashboard, AccessRole.Operator, Look.Light, options => options.ReducedMotion = ReducedMotion.Reduce);

        // Sites in both forms, patches, a history, pause points: everything that has a colour of its own.
        await Assertions.Expect(visitor.Test("site-row").Nth(3)).ToBeVisibleAsync();
        await visitor.Test("vendor-amd").ClickAsync();
        await Assertions.Expect(visitor.Test("site-bytes").First).ToContainTextAsync("D9");
        _ = machine.AddPausePoint(new PausePointOptions { Kind = PausePointKind.Address, Address = 0x10 });
        _ = machine.AddPausePoint(new PausePointOptions { Kind = PausePointKind.Hypercall, Number = 0x7FFF_FFFF, Once = true });
        List<string> found = [];
        await Assertions.Expect(visitor.Test("exits-body").Locator("tr[data-sequence]").First).ToBeVisibleAsync();
        await FindInEveryLookAsync(visitor.Page, "overview, running", found);

        // Looked at at rest: what runs is drawn again and again, and the looking takes its time.
        machine.Pause();
        foreach ((string name, string path, string landmark) in DashboardPages.All(machine.Id))
        {
            _ = await visitor.Page.GotoAsync(new Uri(dashboard.Address, path).ToString());
            await Assertions.Expect(visitor.Test(landmark).First).ToBeVisibleAsync();
            TestContext.Current.TestOutputHelper?.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{DateTime.UtcNow:HH:mm:ss} {name}, found before: {found.Count}"));
            if (name is "exits" or "overview")
            {
                await Assertions.Expect(visitor.Test("exits-body").Locator("tr[data-sequence]").First).ToBeVisibleAsync();
            }

            await FindInEveryLookAsync(visitor.Page, name, found);
            foreach ((string above, Func<Task> open) in Above(visitor, name))
            {
                await open();
                await FindInEveryLookAsync(visitor.Page, $"{name}, {above}", found);
                await visitor.Page.Keyboard.PressAsync("Escape");
            }
        }

        Assert.True(found.Count == 0, string.Join('\n', found));
        Assert.Empty(visitor.Complaints);
    }

    [Fact]
    public async Task Nothing_is_found_at_a_machine_that_was_stepped()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        VirtualMachine machine = dashboard.Machine.Machine;
        machine.Pause();
        _ = machine.SwitchVendor(CpuVendor.Amd);
        _ = machine.AddPausePoint(new PausePointOptions { Kind = PausePointKind.Patch });
        machine.Run();
        await using Visitor visitor = await Visitor.LogInAsync(browser, dashboard, AccessRole.Operator, Look.Light, options => options.ReducedMotion = ReducedMotion.Reduce);
        await Assertions.Expect(visitor.Test("machine-paused-by")).ToBeVisibleAsync();
        List<string> found = [];
        _ = await visitor.Page.GotoAsync(new Uri(dashboard.Address, $"/machines/{machine.Id}?pane=story").ToString());
        await visitor.Test("story-step").ClickAsync();
        await Assertions.Expect(visitor.Test("step-latest")).ToContainTextAsync("vmmcall");
        await FindInEveryLookAsync(visitor.Page, "story, stepped", found);
        foreach (string pane in new[] { "processors", "breakpoints", "memory" })
        {
            _ = await visitor.Page.GotoAsync(new Uri(dashboard.Address, $"/machines/{machine.Id}?pane={pane}").ToString());
            await Assertions.Expect(visitor.Test($"pane-{pane}")).ToBeVisibleAsync();
            await FindInEveryLookAsync(visitor.Page, $"{pane}, stepped", found);
        }

        Assert.True(found.Count == 0, string.Join('\n', found));
        Assert.Empty(visitor.Complaints);
    }

    [Fact]
    public async Task What_is_wrong_would_be_found()
    {
        IBrowser browser = fixture.Browser;
        IPage page = await browser.NewPageAsync();
        await page.SetContentAsync("<html lang='en'><title>t</title><main><h1>h</h1><p style='color: #888; background: #999'>pale</p><img src='data:,'></main><p>outside</p></html>");
        string found = string.Join('\n', await FindAsync(page, "page", All));
        Assert.Contains("color-contrast", found, StringComparison.Ordinal);
        Assert.Contains("image-alt", found, StringComparison.Ordinal);

        // A rule about the page as a whole.
        Assert.Contains("region", found, StringComparison.Ordinal);
        await page.CloseAsync();
    }

    [Fact]
    public async Task Nothing_is_found_before_the_log_in()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartAsync(withoutAccelerator: true);
        await using IBrowserContext context = await browser.NewContextAsync();
        IPage page = await context.NewPageAsync();
        List<string> found = [];
        foreach (string path in new[] { "/login", "/login?t=wrong-token-of-the-test", "/status/404" })
        {
            _ = await page.GotoAsync(new Uri(dashboard.Address, path).ToString());
            await FindInEveryLookAsync(page, path, found);
        }

        Assert.True(found.Count == 0, string.Join('\n', found));
    }

    [Fact]
    public async Task Nothing_is_found_where_no_machine_can_run()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartAsync(withoutAccelerator: true);
        foreach (AccessRole role in new[] { AccessRole.Viewer, AccessRole.Operator })
        {
            await using Visitor visitor = await Visitor.LogInAsync(browser, dashboard, role);
            foreach (string path in new[] { "/", "/new", "/host", "/machines/m99" })
            {
                _ = await visitor.Page.GotoAsync(new Uri(dashboard.Address, path).ToString());
                await Assertions.Expect(visitor.Page.GetByRole(AriaRole.Heading, new PageGetByRoleOptions { Level = 1 })).ToBeVisibleAsync();
                Assert.Empty(await FindAsync(visitor.Page, path, All));
            }
        }
    }

    // What can lie over a page, or be unfolded in it, is a part of it, too.
    private static IEnumerable<(string Name, Func<Task> Open)> Above(Visitor visitor, string page)
    {
        if (page == "machines")
        {
            yield return ("colours", async () =>
            {
                await visitor.Test("theme").ClickAsync();
                await Assertions.Expect(visitor.Test("theme-system")).ToBeCheckedAsync();
            });
            yield return ("shortcuts", async () =>
            {
                await visitor.Page.Keyboard.PressAsync("?");
                await Assertions.Expect(visitor.Page.GetByRole(AriaRole.Dialog)).ToBeVisibleAsync();
            });
            yield return ("delete", async () =>
            {
                await visitor.Test("delete").First.ClickAsync();
                await Assertions.Expect(visitor.Page.Locator(".hp-confirm").First).ToBeVisibleAsync();
            });
        }

        if (page == "present")
        {
            yield return ("share", async () =>
            {
                await visitor.Test("share").ClickAsync();
                await Assertions.Expect(visitor.Test("share-qr")).ToBeVisibleAsync();
            });
        }

        if (page == "editor")
        {
            yield return ("mistakes", async () =>
            {
                // Where the host has no assembler, the page says so, and that is what is looked at.
                if (await visitor.Test("editor-assemble").IsEnabledAsync())
                {
                    await visitor.Test("editor-assemble").ClickAsync();
                    await Assertions.Expect(visitor.Test("listing")).ToBeVisibleAsync();
                    await visitor.Test("field-source").FillAsync("        mov     eax, 1\n        vmcal\n        hlt\n");
                    await visitor.Test("editor-assemble").ClickAsync();
                    await Assertions.Expect(visitor.Test("note-2")).ToBeVisibleAsync();
                }
            });
        }

        if (page == "new")
        {
            yield return ("refused", async () =>
            {
                await visitor.Test("field-memoryMiB").FillAsync("none");
                await visitor.Test("create").ClickAsync();
                await Assertions.Expect(visitor.Test("field-memoryMiB")).ToHaveAttributeAsync("aria-invalid", "true");
            });
        }
    }

    private static async Task FindInEveryLookAsync(IPage page, string name, List<string> found)
    {
        foreach (Look look in s_looks)
        {
            await look.EmulateAsync(page);
            found.AddRange(await FindAsync(page, $"{name} ({look.Text()})", look switch { Look.Light => All, Look.Dark => OfColours, _ => Enhanced }));
        }
    }

    private static async Task<IEnumerable<string>> FindAsync(IPage page, string name, string options)
    {
        // Once a page: axe is half a megabyte.
        if (!await page.EvaluateAsync<bool>("() => 'axe' in globalThis"))
        {
            _ = await page.EvaluateAsync(s_axe);
        }

        return (await page.EvaluateAsync<string[]>(Run, options)).Select(violation => $"{name}: {violation}");
    }
}
