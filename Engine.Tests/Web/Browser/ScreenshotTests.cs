using Hyperpatch.Engine.Machine;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Security;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;

namespace Hyperpatch.Engine.Tests.Web.Browser;

/// <summary>
/// Every page in every theme: nothing on the console, nothing asked elsewhere, and a picture for people to look at (in the folder that
/// HYPERPATCH_SCREENSHOTS names, else beside the tests). The README's picture is one of them.
/// </summary>
/// <param name="fixture">The browser.</param>
public sealed class ScreenshotTests(BrowserFixture fixture) : IClassFixture<BrowserFixture>
{
    private static readonly Dictionary<string, string?> s_demo = new() { ["Demo:Enabled"] = "true" };

    [Theory]
    [InlineData(Look.Light)]
    [InlineData(Look.Dark)]
    [InlineData(Look.Contrast)]
    [InlineData(Look.DarkContrast)]
    public async Task Every_page_comes_up_clean(Look look)
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartAsync(s_demo);
        dashboard.RequireAccelerator();
        VirtualMachine machine = Assert.Single(dashboard.Application.Services.GetRequiredService<MachineRegistry>().All).Machine;
        await using Visitor visitor = await Visitor.LogInAsync(browser, dashboard, AccessRole.Operator, look);
        await Assertions.Expect(visitor.Test("site-row").Nth(3)).ToBeVisibleAsync();
        await visitor.Test("vendor-amd").ClickAsync();
        await Assertions.Expect(visitor.Test("site-bytes").First).ToContainTextAsync("D9");
        await Assertions.Expect(visitor.Test("patch-line")).ToContainTextAsync("D9");
        await SaveAsync(visitor, "machine", look);
        foreach ((string name, string path, string landmark) in new[]
        {
            ("machines", "/", "machine-card"),
            ("new", "/new", "create"),
            ("host", "/host", "probe"),
            ("sites", $"/machines/{machine.Id}?pane=sites", "pane-sites"),
            ("exits", $"/machines/{machine.Id}?pane=exits", "pane-exits"),
            ("hypercalls", $"/machines/{machine.Id}?pane=hypercalls", "pane-hypercalls"),
            ("processors", $"/machines/{machine.Id}?pane=processors", "pane-processors"),
            ("memory", $"/machines/{machine.Id}?pane=memory&address=%231", "memory-walk"),
            ("serial", $"/machines/{machine.Id}?pane=serial", "pane-serial"),
            ("timeline", $"/machines/{machine.Id}?pane=timeline", "pane-timeline"),
        })
        {
            _ = await visitor.Page.GotoAsync(new Uri(dashboard.Address, path).ToString());
            await Assertions.Expect(visitor.Test(landmark).First).ToBeVisibleAsync();
            await SaveAsync(visitor, name, look);
        }

        Assert.Empty(visitor.Complaints);
    }

    private static Task SaveAsync(Visitor visitor, string name, Look look) => Pictures.SaveAsync(visitor.Page, $"{name}-{look.Text()}");
}
