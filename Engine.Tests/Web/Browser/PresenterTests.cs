using System.Net.Http.Json;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Web.Security;
using Microsoft.Playwright;

namespace Hyperpatch.Engine.Tests.Web.Browser;

/// <summary>The page for a projector, the link for those who watch, and how many they are.</summary>
/// <param name="fixture">The browser.</param>
public sealed class PresenterTests(BrowserFixture fixture) : IClassFixture<BrowserFixture>
{
    [Fact]
    public async Task A_speaker_presents_and_shares_and_sees_who_comes_and_goes()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartDemoAsync();
        dashboard.RequireAccelerator();
        VirtualMachine machine = dashboard.Machine.Machine;
        await using Visitor speaker = await Visitor.LogInAsync(browser, dashboard, AccessRole.Operator);
        await Assertions.Expect(speaker.Test("audience")).ToHaveTextAsync("1 watching");
        await speaker.Page.Keyboard.PressAsync("p");
        await Assertions.Expect(speaker.Test("presenter")).ToBeVisibleAsync();
        await Assertions.Expect(speaker.Page.Locator(".hp-header")).ToBeHiddenAsync();
        await speaker.Test("vendor-amd").ClickAsync();
        await Assertions.Expect(speaker.Test("present-bytes")).ToContainTextAsync("D9");
        await speaker.Test("pause").ClickAsync();
        await Assertions.Expect(speaker.Test("run")).ToBeVisibleAsync();
        await speaker.Test("run").ClickAsync();
        await Assertions.Expect(speaker.Test("pause")).ToBeVisibleAsync();

        await speaker.Test("share").ClickAsync();
        await Assertions.Expect(speaker.Test("share-qr")).ToBeVisibleAsync();
        await Assertions.Expect(speaker.Test("share-loopback")).ToBeVisibleAsync();
        string link = await speaker.Test("share-link").InputValueAsync();
        Assert.DoesNotContain(dashboard.Token(AccessRole.Operator), link, StringComparison.Ordinal);
        await using IBrowserContext phone = await browser.NewContextAsync(new BrowserNewContextOptions { ViewportSize = new ViewportSize { Width = 390, Height = 844 } });
        IPage page = await phone.NewPageAsync();
        _ = await page.GotoAsync(link);
        await Assertions.Expect(page.GetByTestId("presenter")).ToBeVisibleAsync();
        await Assertions.Expect(page.GetByTestId("vendor-amd")).ToBeDisabledAsync();
        await Assertions.Expect(page.GetByTestId("share")).ToHaveCountAsync(0);
        await Assertions.Expect(page.GetByTestId("story-steps")).ToBeVisibleAsync();
        Assert.True(await page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than a phone");
        await Assertions.Expect(speaker.Test("audience")).ToHaveTextAsync("2 watching");
        await page.CloseAsync();
        await Assertions.Expect(speaker.Test("audience")).ToHaveTextAsync("1 watching");

        await speaker.Test("present").ClickAsync();
        await Assertions.Expect(speaker.Test("pane-story")).ToBeVisibleAsync();
        await Assertions.Expect(speaker.Page.Locator(".hp-header")).ToBeVisibleAsync();
        Assert.Equal("amd", machine.Vendor.Id);
        Assert.Empty(speaker.Complaints);
    }
}
