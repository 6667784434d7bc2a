using System.Text.RegularExpressions;
using Hyperpatch.Web.Security;
using Microsoft.Playwright;

namespace Hyperpatch.Engine.Tests.Web.Browser;

/// <summary>Logging out in one tab ends what the other ones show.</summary>
/// <param name="fixture">The browser.</param>
public sealed class LogOutTests(BrowserFixture fixture) : IClassFixture<BrowserFixture>
{
    [Fact]
    public async Task A_page_in_another_tab_goes_to_the_log_in()
    {
        IBrowser browser = fixture.Browser;
        await using Dashboard dashboard = await Dashboard.StartAsync(withoutAccelerator: true);
        await using Visitor person = await Visitor.LogInAsync(browser, dashboard, AccessRole.Operator);
        IPage other = await person.Page.Context.NewPageAsync();
        _ = await other.GotoAsync(dashboard.Address.ToString());
        await Assertions.Expect(other.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Log out" })).ToBeVisibleAsync();

        await person.Page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Log out" }).ClickAsync();

        await Assertions.Expect(person.Page).ToHaveURLAsync(new Regex("/login$"));
        await Assertions.Expect(other).ToHaveURLAsync(new Regex("/login$"));
        Assert.Empty(person.Complaints);
    }
}
