using System.Globalization;
using System.Text.RegularExpressions;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Web.Components.Machines;
using Hyperpatch.Web.Security;
using Microsoft.Playwright;

namespace Hyperpatch.Engine.Tests.Web.Browser;

/// <summary>The machine's page in a real Chromium, on a real server, with a guest running on the host's accelerator.</summary>
/// <param name="fixture">The browser.</param>
public sealed class MachinePageTests(BrowserFixture fixture) : IClassFixture<BrowserFixture>
{
    [Fact]
    public async Task Two_browsers_see_exits_arrive_and_a_vendor_switch_turn_the_bytes()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        VirtualMachine machine = dashboard.Machine.Machine;
        await using Visitor driver = await Visitor.LogInAsync(browser, dashboard, AccessRole.Operator);
        await using Visitor watcher = await Visitor.LogInAsync(browser, dashboard, AccessRole.Viewer, ColorScheme.Dark);
        foreach (Visitor visitor in new[] { driver, watcher })
        {
            await OpenAsync(visitor, dashboard, machine);
            await Assertions.Expect(visitor.Test("machine-state")).ToContainTextAsync("running");
            await Assertions.Expect(visitor.Test("exits-body").Locator("tr").First).ToBeVisibleAsync();
            await Assertions.Expect(visitor.Test("site-row").Nth(3)).ToBeVisibleAsync();
            await GrowsAsync(visitor, "counter-exits");
        }

        foreach ((string vendor, string opcode) in new[] { ("amd", "D9"), ("intel", "C1") })
        {
            long patches = await NumberAsync(driver, "counter-patches");
            await driver.Test($"vendor-{vendor}").ClickAsync();
            foreach (Visitor visitor in new[] { driver, watcher })
            {
                await Assertions.Expect(visitor.Test($"vendor-{vendor}")).ToHaveAttributeAsync("aria-pressed", "true");
                // The first sites are called several times a second; each turns when it is called.
                foreach (int row in Enumerable.Range(0, 4))
                {
                    await Assertions.Expect(visitor.Test("site-bytes").Nth(row)).ToContainTextAsync(opcode);
                }

                // The line names both forms: what counts is the one that the instruction became in this round.
                await Assertions.Expect(visitor.Test("patch-line")).ToHaveTextAsync(new Regex($@"became [0-9A-F ]*\b{opcode} \("));
                Assert.True(await NumberAsync(visitor, "counter-patches") > patches, "no patch was counted");
            }

            Assert.Equal(vendor, machine.Vendor.Id);
        }

        Assert.Empty(driver.Complaints);
        Assert.Empty(watcher.Complaints);
        Assert.Equal(MachineState.Running, machine.State);
    }

    [Fact]
    public async Task A_machine_at_rest_shows_its_latest_exits()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        VirtualMachine machine = dashboard.Machine.Machine;
        await Patience.UntilAsync("a few exits", () => Task.FromResult(machine.Journal.Count > 20));
        machine.Pause();
        machine.Journal.Drain();
        await using Visitor visitor = await Visitor.LogInAsync(browser, dashboard, AccessRole.Viewer);
        await OpenAsync(visitor, dashboard, machine);
        ILocator rows = visitor.Test("exits-body").Locator("tr[data-sequence]");
        await Assertions.Expect(rows).ToHaveCountAsync(8);
        await Assertions.Expect(rows.First).ToHaveAttributeAsync("data-sequence", machine.Journal.LastSequence.ToString(CultureInfo.InvariantCulture));
        Assert.Empty(visitor.Complaints);
    }

    [Fact]
    public async Task Memory_and_disassembly_are_shown_where_they_are_asked_for()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        VirtualMachine machine = dashboard.Machine.Machine;
        await using Visitor viewer = await Visitor.LogInAsync(browser, dashboard, AccessRole.Viewer);
        await OpenAsync(viewer, dashboard, machine, "exits");
        await Assertions.Expect(viewer.Test("exits-body").Locator("a").First).ToBeVisibleAsync();
        await viewer.Test("pause-view").ClickAsync();
        string rip = await viewer.Test("exits-body").Locator("a").First.InnerTextAsync();
        await viewer.Test("exits-body").Locator("a").First.ClickAsync();
        await Assertions.Expect(viewer.Test("memory-address")).ToHaveValueAsync(rip);
        await Assertions.Expect(viewer.Test("memory-code").Locator("tbody tr").First).ToContainTextAsync(rip);

        await viewer.Test("memory-address").FillAsync("#1");
        await viewer.Test("memory-go").ClickAsync();
        await Assertions.Expect(viewer.Test("memory-code").Locator("tbody tr").First).ToContainTextAsync("site 1");
        await Assertions.Expect(viewer.Test("memory-bytes").Locator(".hp-hex-site").First).ToHaveTextAsync("C1");
        await Assertions.Expect(viewer.Test("memory-walk")).ToContainTextAsync("PML4E");
        string physical = await viewer.Test("walk-physical").InnerTextAsync();
        await viewer.Test("walk-physical").ClickAsync();
        await Assertions.Expect(viewer.Test("memory-space")).ToHaveValueAsync("physical");
        await Assertions.Expect(viewer.Test("memory-bytes").Locator("tbody tr").First).ToContainTextAsync(physical);

        await viewer.Test("memory-address").FillAsync("nowhere");
        await viewer.Test("memory-go").ClickAsync();
        await Assertions.Expect(viewer.Test("memory-error")).ToContainTextAsync("\"nowhere\" is no address");
        Assert.Empty(viewer.Complaints);
    }

    [Fact]
    public async Task An_operator_pauses_steps_runs_and_resets_and_every_pane_survives_a_reload()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        VirtualMachine machine = dashboard.Machine.Machine;
        await using Visitor driver = await Visitor.LogInAsync(browser, dashboard, AccessRole.Operator);
        await OpenAsync(driver, dashboard, machine);
        await driver.Test("pause").ClickAsync();
        await Assertions.Expect(driver.Test("machine-state")).ToContainTextAsync("paused");
        Assert.Equal(MachineState.Paused, machine.State);
        await driver.Test("step").ClickAsync();
        await driver.Test("run").ClickAsync();
        await Assertions.Expect(driver.Test("machine-state")).ToContainTextAsync("running");
        await GrowsAsync(driver, "counter-exits");
        await driver.Test("reset").ClickAsync();
        await Patience.UntilAsync("the reset in the timeline", () => Task.FromResult(machine.Timeline.Read().Any(entry => entry.Kind == "reset")));
        await Assertions.Expect(driver.Test("machine-state")).ToContainTextAsync("running");

        foreach (string pane in new[] { "story", "exits", "sites", "hypercalls", "latency", "processors", "breakpoints", "serial", "timeline" })
        {
            _ = await driver.Page.GotoAsync(new Uri(dashboard.Address, $"/machines/{machine.Id}?pane={pane}").ToString());
            await Assertions.Expect(driver.Test($"pane-{pane}")).ToBeVisibleAsync();
            _ = await driver.Page.ReloadAsync();
            await Assertions.Expect(driver.Test($"pane-{pane}")).ToBeVisibleAsync();
        }

        Assert.Empty(driver.Complaints);
    }

    [Fact]
    public async Task A_viewer_reaches_every_pane_by_tab_and_key_and_can_change_nothing()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        VirtualMachine machine = dashboard.Machine.Machine;

        // Never summer time there, and a full and a half hour from everywhere that tests run.
        await using Visitor viewer = await Visitor.LogInAsync(browser, dashboard, AccessRole.Viewer, timeZone: "Asia/Kolkata");
        await OpenAsync(viewer, dashboard, machine);
        await GrowsAsync(viewer, "counter-exits");
        await Assertions.Expect(viewer.Test("viewer-note")).ToBeVisibleAsync();
        foreach (string control in new[] { "vendor-amd", "vendor-intel", "pause", "reset", "policy" })
        {
            await Assertions.Expect(viewer.Test(control)).ToBeDisabledAsync();
        }

        foreach (MachinePane pane in MachinePane.All.Reverse())
        {
            await viewer.Test($"tab-{pane.Id}").ClickAsync();
            await Assertions.Expect(viewer.Test($"pane-{pane.Id}")).ToBeVisibleAsync();
        }

        foreach (MachinePane pane in MachinePane.All)
        {
            await viewer.Page.Keyboard.PressAsync(pane.Key);
            await Assertions.Expect(viewer.Test($"pane-{pane.Id}")).ToBeVisibleAsync();
        }

        await GrowsAsync(viewer, "counter-exits");

        // Moments are written in the time of who looks.
        _ = await viewer.Page.GotoAsync(new Uri(dashboard.Address, $"/machines/{machine.Id}?pane=timeline").ToString());
        ILocator first = viewer.Test("pane-timeline").Locator("time").Last;
        DateTimeOffset at = machine.Timeline.Read()[0].At;
        string there = at.ToOffset(TimeSpan.FromHours(5.5)).ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture);
        await Assertions.Expect(first).ToHaveTextAsync(there);
        await Assertions.Expect(first).ToHaveAttributeAsync("datetime", at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
        Assert.Empty(viewer.Complaints);
    }

    [Fact]
    public async Task What_an_address_asks_for_in_vain_is_named_and_the_page_works()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        VirtualMachine machine = dashboard.Machine.Machine;
        await using Visitor driver = await Visitor.LogInAsync(browser, dashboard, AccessRole.Viewer);
        foreach ((string query, string unknown, string pane) in new[]
        {
            ("vcpu=abc", "vCPU \"abc\"", "pane-overview"),
            ("pane=sites&site=abc", "site \"abc\"", "pane-sites"),
            ("pane=exits&reason=5", "reason \"5\"", "pane-exits"),
            ("pane=story&event=x", "event \"x\"", "pane-story"),
            ("pane=nowhere", "pane \"nowhere\"", "pane-overview"),
        })
        {
            _ = await driver.Page.GotoAsync(new Uri(dashboard.Address, $"/machines/{machine.Id}?{query}").ToString());
            await Assertions.Expect(driver.Test("unknown-query")).ToContainTextAsync(unknown);
            await Assertions.Expect(driver.Test(pane)).ToBeVisibleAsync();
            await GrowsAsync(driver, "counter-exits");
        }

        Assert.Empty(driver.Complaints);
    }

    private static Task OpenAsync(Visitor visitor, Dashboard dashboard, VirtualMachine machine, string pane = "overview") =>
        visitor.Page.GotoAsync(new Uri(dashboard.Address, $"/machines/{machine.Id}?pane={pane}").ToString());

    private static async Task GrowsAsync(Visitor visitor, string counter)
    {
        long before = await NumberAsync(visitor, counter);
        await Patience.UntilAsync($"{counter} above {before}", async () => await NumberAsync(visitor, counter) > before);
    }

    // A counter shows its total first and its rate behind.
    private static async Task<long> NumberAsync(Visitor visitor, string counter)
    {
        string text = await visitor.Test(counter).InnerTextAsync();
        string digits = new([.. text.SkipWhile(c => !char.IsAsciiDigit(c)).TakeWhile(c => char.IsAsciiDigit(c) || c == ',')]);
        return long.Parse(digits, NumberStyles.AllowThousands, CultureInfo.InvariantCulture);
    }
}
