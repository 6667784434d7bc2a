using System.Net.Http.Json;
using System.Text.RegularExpressions;
using Hyperpatch.Web.Security;
using Microsoft.Playwright;

namespace Hyperpatch.Engine.Tests.Web.Browser;

/// <summary>Two machines side by side.</summary>
/// <param name="fixture">The browser.</param>
public sealed class ComparePageTests(BrowserFixture fixture) : IClassFixture<BrowserFixture>
{
    // Both plots of the chart: where their axes begin and end, as they are drawn.
    private const string Axes = """
        () => {
          const chart = globalThis.echarts?.getInstanceByDom(document.querySelector('[data-testid=compare-rates] .hp-plot'));
          if (!chart?.getOption()?.series?.length) return null;
          return ['xAxis', 'yAxis'].flatMap(axis => [0, 1].flatMap(side => chart.getModel().getComponent(axis, side).axis.scale.getExtent()));
        }
        """;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Intel_and_amd_are_shown_on_the_same_axes_and_the_choice_is_in_the_address()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        foreach ((string vendor, string guest) in new[] { ("intel", "mixed"), ("amd", "mixed"), ("amd", "hello") })
        {
            (await client.PostAsJsonAsync("/api/machines", new { guest, vendor, name = $"{guest} {vendor}", start = true }, Cancellation)).EnsureSuccessStatusCode();
        }

        await using Visitor visitor = await Visitor.LogInAsync(browser, dashboard, AccessRole.Viewer);
        _ = await visitor.Page.GotoAsync(new Uri(dashboard.Address, "/machines/m1").ToString());
        await visitor.Test("compare").ClickAsync();
        await Assertions.Expect(visitor.Page).ToHaveURLAsync(new Regex(@"/compare\?left=m1$"));
        await Assertions.Expect(visitor.Test("compare-choose")).ToBeVisibleAsync();
        await visitor.Test("compare-right").SelectOptionAsync("m2");
        await Assertions.Expect(visitor.Page).ToHaveURLAsync(new Regex(@"/compare\?left=m1&right=m2$"));
        await Assertions.Expect(visitor.Test("compare-vendor-left")).ToHaveTextAsync(new Regex("^Intel VMCALL$"));
        await Assertions.Expect(visitor.Test("compare-vendor-right")).ToHaveTextAsync(new Regex("^AMD VMMCALL$"));
        await Assertions.Expect(visitor.Test("compare-facts-left")).ToContainTextAsync("Accelerator");

        // The same guest under another vendor: the same addresses, other bytes.
        ILocator site = visitor.Page.Locator("[data-testid=compare-site][data-bytes=differ]").First;
        await Assertions.Expect(site).ToBeVisibleAsync();
        await Assertions.Expect(site.Locator("td").Nth(0)).ToContainTextAsync("C1");
        await Assertions.Expect(site.Locator("td").Nth(3)).ToContainTextAsync("D9");
        await Assertions.Expect(visitor.Test("compare-counters").Locator("tr").First).ToContainTextAsync("×");
        await Assertions.Expect(visitor.Test("compare-reasons").GetByText("Hypercall", new() { Exact = true })).ToBeVisibleAsync();

        double[] axes = [];
        await Patience.UntilAsync("both plots have their axes", async () =>
        {
            axes = await visitor.Page.EvaluateAsync<double[]?>(Axes) ?? [];
            return axes.Length == 8 && axes[5] > 1;
        });
        Assert.Equal(axes[..2], axes[2..4]);
        Assert.Equal(axes[4..6], axes[6..8]);
        Assert.Equal(60_000, axes[1] - axes[0], 1.0);
        await visitor.Test("compare-range-5m").ClickAsync();
        await Assertions.Expect(visitor.Page).ToHaveURLAsync(new Regex(@"left=m1&right=m2&range=5m$"));
        await Patience.UntilAsync("five minutes on both", async () =>
        {
            axes = await visitor.Page.EvaluateAsync<double[]?>(Axes) ?? [];
            return axes.Length == 8 && Math.Abs(axes[1] - axes[0] - 300_000) < 1 && axes[0].Equals(axes[2]);
        });

        await visitor.Test("export-compare-chart").Locator("summary").ClickAsync();
        IDownload download = await visitor.Page.RunAndWaitForDownloadAsync(() => visitor.Test("export-compare-chart").GetByTestId("as-png").ClickAsync());
        Assert.Matches(@"^hyperpatch-compare-m1-m2-.*\.png$", download.SuggestedFilename);

        await visitor.Test("compare-swap").ClickAsync();
        await Assertions.Expect(visitor.Page).ToHaveURLAsync(new Regex(@"left=m2&right=m1&range=5m$"));
        await Assertions.Expect(visitor.Test("compare-vendor-left")).ToContainTextAsync("AMD");
        await Assertions.Expect(site.Locator("td").Nth(0)).ToContainTextAsync("D9");
        await visitor.Page.ReloadAsync();
        await Assertions.Expect(visitor.Test("compare-left")).ToHaveValueAsync("m2");
        await Assertions.Expect(visitor.Test("compare-right")).ToHaveValueAsync("m1");
        await Assertions.Expect(site).ToBeVisibleAsync();

        // As wide as a phone, nothing sticks out.
        await visitor.Page.SetViewportSizeAsync(390, 844);
        Assert.True(await visitor.Page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= innerWidth"), "the comparison is wider than a phone");
        Assert.Empty(visitor.Complaints);
    }

    [Fact]
    public async Task A_page_that_is_left_before_it_began_does_no_harm_to_the_next()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        _ = await Dashboard.CreateMachineAsync(client, "hello");
        await using Visitor visitor = await Visitor.LogInAsync(browser, dashboard, AccessRole.Viewer);
        TaskCompletionSource left = new(TaskCreationOptions.RunContinuationsAsynchronously);
        bool wasHeld = false;
        await visitor.Page.RouteAsync("**/js/machine/index.js*", async route =>
        {
            wasHeld = true;
            await left.Task;
            await route.ContinueAsync();
        });
        _ = await visitor.Page.GotoAsync(new Uri(dashboard.Address, "/machines").ToString());
        wasHeld = false;
        await visitor.Test("machine-card").GetByRole(AriaRole.Link, new() { Name = "Open" }).ClickAsync();
        // The machine's own page, whose script is not there yet: the list of machines has such a link, too.
        await Assertions.Expect(visitor.Test("tab-exits")).ToBeVisibleAsync();
        await Patience.UntilAsync("the page asks for its script", () => Task.FromResult(wasHeld));
        await visitor.Test("compare").ClickAsync();
        await Assertions.Expect(visitor.Test("compare-few")).ToBeVisibleAsync();
        left.SetResult();
        await Task.Delay(1500, Cancellation);
        await Assertions.Expect(visitor.Test("compare-few")).ToBeVisibleAsync();
        await Assertions.Expect(visitor.Page.GetByText("This page failed")).ToHaveCountAsync(0);
        Assert.Empty(visitor.Complaints);
    }

    [Fact]
    public async Task A_machine_that_is_gone_is_called_so()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartAsync();
        dashboard.RequireAccelerator();
        using HttpClient client = dashboard.Client(AccessRole.Operator);
        foreach (string vendor in new[] { "intel", "amd" })
        {
            (await client.PostAsJsonAsync("/api/machines", new { guest = "mixed", vendor, start = true }, Cancellation)).EnsureSuccessStatusCode();
        }

        await using Visitor visitor = await Visitor.LogInAsync(browser, dashboard, AccessRole.Viewer);
        _ = await visitor.Page.GotoAsync(new Uri(dashboard.Address, "/compare?left=m1&right=m2").ToString());
        await Assertions.Expect(visitor.Test("compare-site").First).ToBeVisibleAsync();
        (await client.DeleteAsync(new Uri("/api/machines/m2", UriKind.Relative), Cancellation)).EnsureSuccessStatusCode();
        await Assertions.Expect(visitor.Test("compare-gone-right")).ToContainTextAsync("has been deleted");
        await Assertions.Expect(visitor.Test("compare-state-right")).ToHaveTextAsync("deleted");
        await Assertions.Expect(visitor.Test("compare-gone-left")).ToHaveCountAsync(0);
        await Assertions.Expect(visitor.Test("compare-site").First).ToBeVisibleAsync();

        await visitor.Page.ReloadAsync();
        await Assertions.Expect(visitor.Test("compare-unknown-right")).ToContainTextAsync("There is no machine \"m2\"");
        await Assertions.Expect(visitor.Test("compare-vendor-left")).ToContainTextAsync("Intel");

        // One that is made now can be chosen at once.
        (await client.PostAsJsonAsync("/api/machines", new { guest = "mixed", vendor = "amd", name = "the new one", start = true }, Cancellation)).EnsureSuccessStatusCode();
        await Assertions.Expect(visitor.Test("compare-right")).ToContainTextAsync("the new one");
        await visitor.Test("compare-right").SelectOptionAsync("m3");
        await Assertions.Expect(visitor.Test("compare-unknown-right")).ToHaveCountAsync(0);
        await Assertions.Expect(visitor.Test("compare-site").First).ToBeVisibleAsync();
        Assert.Empty(visitor.Complaints);
    }
}
