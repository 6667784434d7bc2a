using System.Text.RegularExpressions;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Machine.PausePoints;
using Hyperpatch.Engine.Vendors;
using Hyperpatch.Web.Security;
using Microsoft.Playwright;

namespace Hyperpatch.Engine.Tests.Web.Browser;

/// <summary>What just happened, as a speaker walks through it and as somebody in the room watches.</summary>
/// <param name="fixture">The browser.</param>
public sealed class StoryPaneTests(BrowserFixture fixture) : IClassFixture<BrowserFixture>
{
    [Fact]
    public async Task A_speaker_pauses_at_a_patch_and_steps_over_it_while_others_watch()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        VirtualMachine machine = dashboard.Machine.Machine;
        await using Visitor speaker = await Visitor.LogInAsync(browser, dashboard, AccessRole.Operator);
        await using Visitor listener = await Visitor.LogInAsync(browser, dashboard, AccessRole.Viewer, ColorScheme.Dark);
        string pane = new Uri(dashboard.Address, $"/machines/{machine.Id}?pane=story").ToString();
        foreach (Visitor visitor in new[] { speaker, listener })
        {
            _ = await visitor.Page.GotoAsync(pane);
            await Assertions.Expect(visitor.Test("pane-story")).ToBeVisibleAsync();
        }

        await Assertions.Expect(listener.Test("story-pause-next")).ToBeDisabledAsync();
        await Assertions.Expect(listener.Test("story-step")).ToBeDisabledAsync();

        // Paused first: the guest has instructions of both vendors, and a patch of the old one's must not come before the switch.
        await speaker.Test("pause").ClickAsync();
        await Assertions.Expect(speaker.Test("machine-state")).ToContainTextAsync("paused");
        await speaker.Test("vendor-amd").ClickAsync();
        await Assertions.Expect(speaker.Test("vendor-amd")).ToHaveAttributeAsync("aria-pressed", "true");
        await speaker.Test("story-pause-next").ClickAsync();
        foreach (Visitor visitor in new[] { speaker, listener })
        {
            await Assertions.Expect(visitor.Test("machine-paused-by")).ToContainTextAsync("patch of a hypercall");
            await Assertions.Expect(visitor.Test("story-title")).ToHaveTextAsync("A hypercall instruction was repaired: C1 became D9");
            await Assertions.Expect(visitor.Test("story-decode")).ToContainTextAsync("VMCALL: Intel's hypercall");
            await Assertions.Expect(visitor.Test("story-vendor")).ToContainTextAsync("by AMD");
            await Assertions.Expect(visitor.Test("story-sequel")).ToContainTextAsync("still to come");
        }

        await speaker.Test("story-step").ClickAsync();
        foreach (Visitor visitor in new[] { speaker, listener })
        {
            await Assertions.Expect(visitor.Test("story-sequel")).ToContainTextAsync("this time it was a hypercall");
            await Assertions.Expect(visitor.Test("step-latest")).ToContainTextAsync("vmmcall");
            await Assertions.Expect(visitor.Test("step-latest").Locator("[data-register=RIP]")).ToBeVisibleAsync();
        }

        // What is held has an address of its own, and stays when others follow.
        await speaker.Test("story-hold").ClickAsync();
        await Assertions.Expect(speaker.Page).ToHaveURLAsync(new Regex("event=\\d+"));
        string shared = speaker.Page.Url;
        string held = await speaker.Test("story-sequence").InnerTextAsync();
        await speaker.Test("run").ClickAsync();
        await Assertions.Expect(speaker.Test("story-next")).ToBeVisibleAsync();
        await Assertions.Expect(speaker.Test("story-sequence")).ToHaveTextAsync(held);
        _ = await listener.Page.GotoAsync(shared);
        await Assertions.Expect(listener.Test("story-sequence")).ToHaveTextAsync(held);
        await speaker.Test("story-next").ClickAsync();
        await Assertions.Expect(speaker.Test("story-sequence")).Not.ToHaveTextAsync(held);
        await speaker.Test("story-previous").ClickAsync();
        await Assertions.Expect(speaker.Test("story-sequence")).ToHaveTextAsync(held);
        await speaker.Test("story-follow").ClickAsync();
        await Assertions.Expect(speaker.Test("story-sequence")).Not.ToHaveTextAsync(held);
        Assert.Empty(speaker.Complaints);
        Assert.Empty(listener.Complaints);
    }

    [Fact]
    public async Task A_step_marks_what_it_changed_on_the_processor()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        VirtualMachine machine = dashboard.Machine.Machine;
        await using Visitor driver = await Visitor.LogInAsync(browser, dashboard, AccessRole.Operator);
        _ = await driver.Page.GotoAsync(new Uri(dashboard.Address, $"/machines/{machine.Id}?pane=processors").ToString());
        await Assertions.Expect(driver.Test("step-0")).ToBeDisabledAsync();
        await Assertions.Expect(driver.Page.Locator("[data-register=CR0] abbr").First).ToHaveTextAsync("PE");

        // At a patch, so that there is an instruction to step over and not a halt.
        machine.Pause();
        _ = machine.SwitchVendor(CpuVendor.Amd);
        _ = machine.AddPausePoint(new PausePointOptions { Kind = PausePointKind.Patch, Once = true });
        machine.Run();
        await Assertions.Expect(driver.Test("machine-paused-by")).ToBeVisibleAsync();
        int processor = machine.PausedBy!.Processor;
        await driver.Test($"step-{processor}").ClickAsync();
        ILocator card = driver.Test("processor").Nth(processor);
        await Assertions.Expect(card.GetByTestId("processor-step")).ToContainTextAsync("vmmcall");
        await Assertions.Expect(card.Locator("[data-register=RIP] .hp-register-changed")).ToBeVisibleAsync();
        await driver.Test("run").ClickAsync();
        await Assertions.Expect(card.GetByTestId("processor-step")).ToHaveCountAsync(0);
        Assert.Empty(driver.Complaints);
    }
}
