using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Security;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;

namespace Hyperpatch.Engine.Tests.Web.Browser;

/// <summary>axe (WCAG 2.2 A and AA, and its best practices) finds nothing on any page or pane, in any theme; with high contrast nothing of its 7:1 either.</summary>
/// <param name="fixture">The browser.</param>
public sealed class AccessibilityTests(BrowserFixture fixture) : IClassFixture<BrowserFixture>
{
    private static readonly Dictionary<string, string?> s_demo = new() { ["Demo:Enabled"] = "true" };

    private static readonly AxeRunOptions s_all = Options("tag", "wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice");

    // What themes differ in. High contrast is held to 7:1 as well.
    private static readonly AxeRunOptions s_colours = Options("rule", "color-contrast", "link-in-text-block");
    private static readonly AxeRunOptions s_contrast = Options("rule", "color-contrast", "color-contrast-enhanced", "link-in-text-block");

    [Theory]
    [InlineData(Look.Light)]
    [InlineData(Look.Dark)]
    [InlineData(Look.Contrast)]
    [InlineData(Look.DarkContrast)]
    public async Task Nothing_is_found_on_any_page(Look look)
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartAsync(s_demo);
        dashboard.RequireAccelerator();
        VirtualMachine machine = Assert.Single(dashboard.Application.Services.GetRequiredService<MachineRegistry>().All).Machine;
        await using Visitor visitor = await Visitor.LogInAsync(browser, dashboard, AccessRole.Operator, look);

        // Sites in both forms, patches, a history: everything that has a colour of its own.
        await Assertions.Expect(visitor.Test("site-row").Nth(3)).ToBeVisibleAsync();
        await visitor.Test("vendor-amd").ClickAsync();
        await Assertions.Expect(visitor.Test("site-bytes").First).ToContainTextAsync("D9");
        AxeRunOptions options = look switch { Look.Light => s_all, Look.Dark => s_colours, _ => s_contrast };
        List<string> found = [];
        foreach ((string name, string path, string landmark) in DashboardPages.All(machine.Id))
        {
            _ = await visitor.Page.GotoAsync(new Uri(dashboard.Address, path).ToString());
            await Assertions.Expect(visitor.Test(landmark).First).ToBeVisibleAsync();
            found.AddRange(await FindAsync(visitor.Page, name, options));
            if (name == "machines")
            {
                // What lies over a page is a part of it, too.
                await visitor.Test("theme").ClickAsync();
                await Assertions.Expect(visitor.Test("theme-system")).ToBeCheckedAsync();
                found.AddRange(await FindAsync(visitor.Page, "themes", options));
                await visitor.Page.Keyboard.PressAsync("Escape");
                await visitor.Page.Keyboard.PressAsync("?");
                await Assertions.Expect(visitor.Page.GetByRole(AriaRole.Dialog)).ToBeVisibleAsync();
                found.AddRange(await FindAsync(visitor.Page, "shortcuts", options));
            }
        }

        Assert.Empty(found);
        Assert.Empty(visitor.Complaints);
    }

    [Fact]
    public async Task What_is_wrong_would_be_found()
    {
        IBrowser browser = fixture.Browser;
        IPage page = await browser.NewPageAsync();
        await page.SetContentAsync("<html lang='en'><title>t</title><main><h1>h</h1><p style='color: #888; background: #999'>pale</p><img src='data:,'></main></html>");
        string found = string.Join('\n', await FindAsync(page, "page", s_all));
        Assert.Contains("color-contrast", found, StringComparison.Ordinal);
        Assert.Contains("image-alt", found, StringComparison.Ordinal);
        await page.CloseAsync();
    }

    [Theory]
    [InlineData("/login")]
    [InlineData("/login?t=wrong-token-of-the-test")]
    [InlineData("/status/404")]
    public async Task Nothing_is_found_before_the_log_in(string path)
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartAsync(withoutAccelerator: true);
        foreach (Look look in Enum.GetValues<Look>())
        {
            await using IBrowserContext context = await browser.NewContextAsync(new BrowserNewContextOptions { ColorScheme = look.Scheme(), Contrast = look.Contrast() });
            IPage page = await context.NewPageAsync();
            _ = await page.GotoAsync(new Uri(dashboard.Address, path).ToString());
            Assert.Empty(await FindAsync(page, $"{path} {look}", s_all));
        }
    }

    [Theory]
    [InlineData(AccessRole.Viewer)]
    [InlineData(AccessRole.Operator)]
    public async Task Nothing_is_found_where_no_machine_can_run(AccessRole role)
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartAsync(withoutAccelerator: true);
        await using Visitor visitor = await Visitor.LogInAsync(browser, dashboard, role);
        foreach (string path in new[] { "/", "/new", "/host", "/machines/m99" })
        {
            _ = await visitor.Page.GotoAsync(new Uri(dashboard.Address, path).ToString());
            await Assertions.Expect(visitor.Page.GetByRole(AriaRole.Heading, new PageGetByRoleOptions { Level = 1 })).ToBeVisibleAsync();
            Assert.Empty(await FindAsync(visitor.Page, path, s_all));
        }
    }

    private static AxeRunOptions Options(string type, params string[] values) =>
        new() { RunOnly = new RunOnlyOptions { Type = type, Values = [.. values] }, ResultTypes = [ResultType.Violations] };

    private static async Task<IEnumerable<string>> FindAsync(IPage page, string name, AxeRunOptions options)
    {
        AxeResult result = await page.RunAxe(options);
        return result.Violations.SelectMany(violation => violation.Nodes.Select(node => $"{name}: {violation.Id} ({violation.Impact}): {node.Target}: {node.Html}"));
    }
}
