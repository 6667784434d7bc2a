using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Machine.PausePoints;
using Hyperpatch.Web.Security;
using Microsoft.Playwright;

namespace Hyperpatch.Engine.Tests.Web.Browser;

/// <summary>Pause points from the page.</summary>
/// <param name="fixture">The browser.</param>
public sealed class BreakpointsTests(BrowserFixture fixture) : IClassFixture<BrowserFixture>
{
    [Fact]
    public async Task An_operator_adds_points_meets_one_and_removes_it_and_a_viewer_sees_it()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        VirtualMachine machine = dashboard.Machine.Machine;
        await using Visitor driver = await Visitor.LogInAsync(browser, dashboard, AccessRole.Operator);
        await using Visitor viewer = await Visitor.LogInAsync(browser, dashboard, AccessRole.Viewer, ColorScheme.Dark);
        string pane = new Uri(dashboard.Address, $"/machines/{machine.Id}?pane=breakpoints").ToString();
        _ = await driver.Page.GotoAsync(pane);
        _ = await viewer.Page.GotoAsync(pane);
        await Assertions.Expect(driver.Test("points-none")).ToBeVisibleAsync();
        await Assertions.Expect(viewer.Test("point-add")).ToBeDisabledAsync();

        // What is wrong is said beside the field, and nothing is added.
        await driver.Test("point-address").FillAsync("#999");
        await driver.Test("point-add").ClickAsync();
        await Assertions.Expect(driver.Test("error-address")).ToContainTextAsync("no hypercall site \"999\"");
        _ = await driver.Test("point-kind").SelectOptionAsync("hypercall");
        await Assertions.Expect(driver.Test("error-number")).ToBeHiddenAsync();
        await driver.Test("point-number").FillAsync("five");
        await driver.Test("point-add").ClickAsync();
        await Assertions.Expect(driver.Test("error-number")).ToContainTextAsync("5 KICK_CPU");
        Assert.Empty(machine.PausePoints);

        // A site's address, on all processors, each time.
        await Patience.UntilAsync("a site", () => Task.FromResult(machine.Sites.Find(1) is not null));
        _ = await driver.Test("point-kind").SelectOptionAsync("address");
        await driver.Test("point-address").FillAsync("#1");
        await driver.Test("point-add").ClickAsync();
        await Assertions.Expect(driver.Test("point-row")).ToHaveCountAsync(1);
        Assert.Equal((machine.Sites.Find(1)!.Linear, false, (int?)null), (machine.PausePoints[0].Options.Address, machine.PausePoints[0].Options.Once, machine.PausePoints[0].Options.Processor));
        foreach (Visitor visitor in new[] { driver, viewer })
        {
            await Assertions.Expect(visitor.Test("machine-paused-by")).ToContainTextAsync("breakpoint at");
            await Assertions.Expect(visitor.Test("point-row")).ToHaveCountAsync(1);
        }

        await Assertions.Expect(viewer.Test("point-remove")).ToBeDisabledAsync();
        await viewer.Test("paused-event").ClickAsync();
        await Assertions.Expect(viewer.Test("story-title")).ToContainTextAsync("Breakpoint");
        await driver.Test("paused-code").ClickAsync();
        await Assertions.Expect(driver.Test("memory-code").Locator("tbody tr").First).ToContainTextAsync("RIP");

        // The mark beside the instruction is the same point, and takes it away.
        ILocator mark = driver.Test("memory-code").Locator("tbody tr").First.GetByTestId("breakpoint");
        await Assertions.Expect(mark).ToHaveAttributeAsync("aria-pressed", "true");
        await mark.ClickAsync();
        await Assertions.Expect(mark).ToHaveAttributeAsync("aria-pressed", "false");
        Assert.Empty(machine.PausePoints);
        await mark.ClickAsync();
        await Assertions.Expect(mark).ToHaveAttributeAsync("aria-pressed", "true");
        _ = await driver.Page.GotoAsync(pane);
        await driver.Test("point-remove").ClickAsync();
        await Assertions.Expect(driver.Test("points-none")).ToBeVisibleAsync();

        // One processor, once.
        _ = await driver.Test("point-kind").SelectOptionAsync("exit");
        _ = await driver.Test("point-reason").SelectOptionAsync("Hypercall");
        _ = await driver.Test("point-processor").SelectOptionAsync("1");
        await driver.Test("point-once").CheckAsync();
        await driver.Test("point-add").ClickAsync();
        await Assertions.Expect(driver.Test("point-row")).ToContainTextAsync("once");
        PausePointOptions added = Assert.Single(machine.PausePoints).Options;
        Assert.Equal((PausePointKind.Exit, 1, true), (added.Kind, added.Processor, added.Once));
        await driver.Test("run").ClickAsync();
        await Assertions.Expect(driver.Test("machine-paused-by")).ToContainTextAsync("exit Hypercall on vCPU 1");
        await Assertions.Expect(driver.Test("points-none")).ToBeVisibleAsync();
        Assert.Empty(driver.Complaints);
        Assert.Empty(viewer.Complaints);
    }
}
