using Hyperpatch.Web.Security;
using Microsoft.Playwright;

namespace Hyperpatch.Engine.Tests.Web.Browser;

/// <summary>The server ends and is started anew at the same address: the page comes back by itself, with the same view.</summary>
/// <param name="fixture">The browser.</param>
public sealed class ServerRestartTests(BrowserFixture fixture) : IClassFixture<BrowserFixture>
{
    private const string View = "machines/m1?pane=exits&reason=PortIo&vcpu=1";

    [Fact]
    public async Task A_page_comes_back_with_the_same_view_and_says_what_happened()
    {
        IBrowser browser = fixture.Browser;
        Dictionary<string, string?> settings = new()
        {
            ["Demo:Enabled"] = "true",
            ["Security:OperatorToken"] = new string('o', 32),
            ["Security:ViewerToken"] = new string('v', 32),
        };
        Dashboard first = await Dashboard.StartAsync(settings);
        Visitor person;
        Uri address;
        await using (first)
        {
            first.RequireAccelerator();
            address = first.Address;
            person = await Visitor.LogInAsync(browser, first, AccessRole.Operator);
            _ = await person.Page.GotoAsync(new Uri(address, View).ToString());
            await IsShownAsync(person);
            await Assertions.Expect(person.Page.Locator("#hp-restarted")).ToBeHiddenAsync();
        }

        await using (person)
        {
            ILocator dialog = person.Page.Locator("#components-reconnect-modal");
            await Assertions.Expect(dialog).ToBeVisibleAsync();
            await Assertions.Expect(dialog).ToContainTextAsync("The server does not answer. Trying again.");

            settings["Urls"] = address.ToString();
            await using Dashboard second = await Dashboard.StartAsync(settings);
            await Assertions.Expect(person.Page.Locator("#hp-restarted")).ToBeVisibleAsync();
            await Assertions.Expect(person.Page.Locator("#hp-restarted")).ToContainTextAsync("The server was started again");
            await Assertions.Expect(dialog).ToBeHiddenAsync();
            Assert.Equal(new Uri(address, View), new Uri(person.Page.Url));
            await IsShownAsync(person);

            // The session is still an operator's, and what it says goes away when told to.
            await Assertions.Expect(person.Test("pause")).ToBeEnabledAsync();
            await person.Page.Locator("[data-hp-dismiss]").ClickAsync();
            await Assertions.Expect(person.Page.Locator("#hp-restarted")).ToBeHiddenAsync();
        }
    }

    // The pane with its filters, and exits that pass them.
    private static async Task IsShownAsync(Visitor person)
    {
        await Assertions.Expect(person.Test("pane-exits")).ToBeVisibleAsync();
        await Assertions.Expect(person.Test("pane-exits")).ToContainTextAsync("PortIo");
        await Assertions.Expect(person.Test("filter-reason")).ToHaveValueAsync("PortIo");
        await Assertions.Expect(person.Test("filter-vcpu")).ToHaveValueAsync("1");
    }
}
