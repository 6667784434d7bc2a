using System.Net.Http.Json;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Machine.PausePoints;
using Hyperpatch.Engine.Vendors;
using Hyperpatch.Web.Machines.Assembling;
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
    private static readonly Look[] s_all = [Look.Light, Look.Dark, Look.Contrast];
    private static readonly Look[] s_both = [Look.Light, Look.Dark];

    [Fact]
    public async Task Every_page_comes_up_clean()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        VirtualMachine machine = dashboard.Machine.Machine;

        // Without motion no picture has to wait for the end of one.
        await using Visitor visitor = await Visitor.LogInAsync(browser, dashboard, AccessRole.Operator, Look.Light, options => options.ReducedMotion = ReducedMotion.Reduce);
        await Assertions.Expect(visitor.Test("site-row").Nth(3)).ToBeVisibleAsync();
        await visitor.Test("vendor-amd").ClickAsync();
        await Assertions.Expect(visitor.Test("site-bytes").First).ToContainTextAsync("D9");
        await Assertions.Expect(visitor.Test("patch-line")).ToContainTextAsync("D9");
        await SaveAsync(visitor, "machine", s_all);
        foreach ((string name, string path, string landmark) in new[]
        {
            ("machines", "/", "machine-card"),
            ("new", "/new", "create"),
            ("new-image", "/new?guest=image", "image-fields"),
            ("editor", "/editor", "assembler"),
            ("host", "/host", "accelerator-software"),
            ("story", $"/machines/{machine.Id}?pane=story", "story-steps"),
            ("present", $"/machines/{machine.Id}?present=1", "story-steps"),
            ("sites", $"/machines/{machine.Id}?pane=sites", "pane-sites"),
            ("exits", $"/machines/{machine.Id}?pane=exits", "pane-exits"),
            ("hypercalls", $"/machines/{machine.Id}?pane=hypercalls", "pane-hypercalls"),
            ("latency", $"/machines/{machine.Id}?pane=latency", "pane-latency"),
            ("processors", $"/machines/{machine.Id}?pane=processors", "pane-processors"),
            ("memory", $"/machines/{machine.Id}?pane=memory&address=%231", "memory-walk"),
            ("breakpoints", $"/machines/{machine.Id}?pane=breakpoints", "point-add"),
            ("serial", $"/machines/{machine.Id}?pane=serial", "pane-serial"),
            ("timeline", $"/machines/{machine.Id}?pane=timeline", "pane-timeline"),
            ("site", $"/machines/{machine.Id}?pane=sites&site=1", "site-history"),
        })
        {
            _ = await visitor.Page.GotoAsync(new Uri(dashboard.Address, path).ToString());
            await Assertions.Expect(visitor.Test(landmark).First).ToBeVisibleAsync();
            if (name == "exits")
            {
                // The picture is of the chart and the rows, not of the empty pane before the first frame.
                await Assertions.Expect(visitor.Test("exits-body").Locator("tr[data-sequence]").Nth(5)).ToBeVisibleAsync();
                await Assertions.Expect(visitor.Test("exits-chart").Locator("canvas").First).ToBeVisibleAsync();
                await visitor.Page.WaitForFunctionAsync("() => globalThis.echarts?.getInstanceByDom(document.querySelector('[data-testid=exits-chart] .hp-plot'))?.getOption()?.series?.[0]?.data?.[1]?.[1] > 0");
            }

            if (name == "latency")
            {
                // A few columns, so that there is a heat map to look at.
                await Patience.UntilAsync("columns", async () => await visitor.Test("latency-columns").Locator("tr").CountAsync() > 8);
                await visitor.Page.WaitForFunctionAsync("() => globalThis.echarts?.getInstanceByDom(document.querySelector('[data-testid=latency-histogram] .hp-plot'))?.getOption()?.series?.[0]?.data?.length > 2");
            }

            await visitor.Test(landmark).First.ScrollIntoViewIfNeededAsync();

            // The third look has colours of its own where there are charts; axe looks at every page in it.
            await SaveAsync(visitor, name, name is "exits" or "latency" or "host" ? s_all : s_both);
            if (name == "latency")
            {
                await visitor.Test("latency-heat").FocusAsync();
                await visitor.Page.Keyboard.PressAsync("+");
                await visitor.Page.Keyboard.PressAsync("ArrowLeft");
                await SaveAsync(visitor, "latency-zoomed", s_both);
                await visitor.Page.SetViewportSizeAsync(390, 844);
                await visitor.Test("latency-heat").ScrollIntoViewIfNeededAsync();
                await SaveAsync(visitor, "latency-phone", s_all);
                await visitor.Page.SetViewportSizeAsync(1440, 900);
            }
        }

        AssemblerAvailability assembler = await dashboard.Application.Services.GetRequiredService<GnuAssembler>().CheckAsync();
        if (assembler.IsAvailable)
        {
            _ = await visitor.Page.GotoAsync(new Uri(dashboard.Address, "/editor?example=race").ToString());
            await visitor.Test("editor-assemble").ClickAsync();
            await Assertions.Expect(visitor.Test("listing")).ToBeVisibleAsync();
            await SaveAsync(visitor, "editor-listing", s_all);
            await visitor.Test("field-source").FillAsync("        mov     eax, 1\n        vmcal\n        call    nowhere\n        hlt\n");
            await visitor.Test("editor-assemble").ClickAsync();
            await Assertions.Expect(visitor.Test("note-2")).ToBeVisibleAsync();
            await SaveAsync(visitor, "editor-mistakes", s_all);
        }

        Assert.Empty(visitor.Complaints);
    }

    [Fact]
    public async Task A_patch_that_is_stepped_over_comes_up_clean()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        VirtualMachine machine = dashboard.Machine.Machine;
        machine.Pause();
        _ = machine.SwitchVendor(CpuVendor.Amd);
        _ = machine.AddPausePoint(new PausePointOptions { Kind = PausePointKind.Patch });
        machine.Run();
        await using Visitor visitor = await Visitor.LogInAsync(browser, dashboard, AccessRole.Operator);
        await Assertions.Expect(visitor.Test("machine-paused-by")).ToBeVisibleAsync();
        foreach ((string name, string path, string landmark) in new[]
        {
            ("points", $"/machines/{machine.Id}?pane=breakpoints", "point-row"),
            ("present-paused", $"/machines/{machine.Id}?present=1", "story-steps"),
            ("story-paused", $"/machines/{machine.Id}?pane=story", "story-steps"),
        })
        {
            _ = await visitor.Page.GotoAsync(new Uri(dashboard.Address, path).ToString());
            await Assertions.Expect(visitor.Test(landmark).First).ToBeVisibleAsync();
            await SaveAsync(visitor, name, s_both);
        }

        await visitor.Test("story-step").ClickAsync();
        await Assertions.Expect(visitor.Test("step-latest")).ToContainTextAsync("vmmcall");
        await SaveAsync(visitor, "story-stepped", s_both);
        _ = await visitor.Page.GotoAsync(new Uri(dashboard.Address, $"/machines/{machine.Id}?pane=processors").ToString());
        await Assertions.Expect(visitor.Test("processor-step").First).ToBeVisibleAsync();
        await SaveAsync(visitor, "processors-stepped", s_both);
        _ = await visitor.Page.GotoAsync(new Uri(dashboard.Address, $"/machines/{machine.Id}?present=1").ToString());
        await visitor.Test("share").ClickAsync();
        await Assertions.Expect(visitor.Test("share-qr")).ToBeVisibleAsync();
        await SaveAsync(visitor, "share", s_both);
        await visitor.Page.SetViewportSizeAsync(390, 844);
        await SaveAsync(visitor, "share-phone", s_both);
        Assert.True(await visitor.Page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= innerWidth"), "the link is wider than a phone");
        await visitor.Test("share").ClickAsync();
        await Assertions.Expect(visitor.Test("share-panel")).ToHaveCountAsync(0);
        await SaveAsync(visitor, "present-phone", s_both);
        Assert.Empty(visitor.Complaints);
    }

    [Fact]
    public async Task Exports_a_printed_site_and_a_comparison_come_up_clean()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        (await client.PostAsJsonAsync("/api/machines", new { guest = "mixed", vendor = "amd", accelerator = "software", name = "The same in software", start = true }, TestContext.Current.CancellationToken)).EnsureSuccessStatusCode();
        await using Visitor visitor = await Visitor.LogInAsync(browser, dashboard, AccessRole.Operator);
        _ = await visitor.Page.GotoAsync(new Uri(dashboard.Address, "/machines/m1?pane=exits").ToString());
        await Assertions.Expect(visitor.Test("exits-body").Locator("tr[data-sequence]").Nth(5)).ToBeVisibleAsync();
        await visitor.Test("export-rates").Locator("summary").ClickAsync();
        await Assertions.Expect(visitor.Test("export-rates").GetByTestId("as-png")).ToBeVisibleAsync();
        await SaveAsync(visitor, "export-menu", s_both);
        await visitor.Page.SetViewportSizeAsync(390, 844);
        await visitor.Test("export-rates").ScrollIntoViewIfNeededAsync();
        await SaveAsync(visitor, "export-menu-phone", s_both);
        await visitor.Page.SetViewportSizeAsync(1440, 900);

        _ = await visitor.Page.GotoAsync(dashboard.Address.ToString());
        await visitor.Test("export-rates-m1").Locator("summary").ClickAsync();
        await SaveAsync(visitor, "card-export", s_both);
        _ = await visitor.Page.GotoAsync(new Uri(dashboard.Address, "/compare?left=m1&right=m2").ToString());
        await Assertions.Expect(visitor.Test("compare-site").Nth(1)).ToBeVisibleAsync();
        await Task.Delay(TimeSpan.FromSeconds(6), TestContext.Current.CancellationToken);
        await SaveAsync(visitor, "compare", s_both);
        await visitor.Test("compare-sites").ScrollIntoViewIfNeededAsync();
        await SaveAsync(visitor, "compare-below", s_both);
        await visitor.Page.SetViewportSizeAsync(390, 844);
        await visitor.Page.EvaluateAsync("() => scrollTo(0, 0)");
        await Task.Delay(TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken);
        await SaveAsync(visitor, "compare-phone", s_both);
        await visitor.Test("compare-rates").ScrollIntoViewIfNeededAsync();
        await SaveAsync(visitor, "compare-phone-chart", s_both);
        await visitor.Page.SetViewportSizeAsync(1440, 900);

        _ = await visitor.Page.GotoAsync(new Uri(dashboard.Address, "/machines/m1?pane=sites&site=1").ToString());
        await Assertions.Expect(visitor.Test("site-disassembly").Locator("tr").Nth(2)).ToBeVisibleAsync();
        await visitor.Test("vendor-amd").ClickAsync();
        await Assertions.Expect(visitor.Test("site-history").Locator("tbody tr").First).ToBeVisibleAsync();
        await SaveAsync(visitor, "site-open", s_both);
        await visitor.Page.EmulateMediaAsync(new() { Media = Media.Print });
        await visitor.Page.SetViewportSizeAsync(680, 960);
        await SaveAsync(visitor, "site-printed", s_both);
        Assert.Empty(visitor.Complaints);
    }

    private static async Task SaveAsync(Visitor visitor, string name, Look[] looks)
    {
        foreach (Look look in looks)
        {
            await look.EmulateAsync(visitor.Page);

            // Charts are drawn in the new colours within a tenth of a second; transitions of colours take longer.
            await Task.Delay(300, TestContext.Current.CancellationToken);
            await Pictures.SaveAsync(visitor.Page, $"{name}-{look.Text()}");
        }
    }
}
