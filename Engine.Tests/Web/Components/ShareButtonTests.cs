using System.Security.Claims;
using Bunit;
using Hyperpatch.Web.Components.Machines.Sharing;
using Hyperpatch.Web.Security;
using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.DependencyInjection;

namespace Hyperpatch.Engine.Tests.Web.Components;

/// <summary>The link for those who watch.</summary>
public sealed class ShareButtonTests : BunitContext, IAsyncLifetime
{
    private readonly ClaimsPrincipal _operator = new(new ClaimsIdentity([new Claim(ClaimTypes.Role, "operator")], "test"));
    private Dashboard? _dashboard;

    public async ValueTask InitializeAsync()
    {
        _dashboard = await Dashboard.StartAsync(withoutAccelerator: true);
        Services.AddSingleton(_dashboard.Application.Services.GetRequiredService<ViewerLinks>());
    }

    public new async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await _dashboard!.DisposeAsync();
    }

    [Fact]
    public void An_open_link_goes_with_the_page()
    {
        NavigationManager navigation = Services.GetRequiredService<NavigationManager>();
        navigation.NavigateTo("machines/m1?pane=story");
        IRenderedComponent<ShareButton> button = Render<ShareButton>(Parameters);
        Assert.Empty(button.FindAll("[data-testid=share-link]"));
        button.Find("[data-testid=share]").Click();
        Assert.Contains("pane%3Dstory", Link(button), StringComparison.Ordinal);
        string code = button.Find("[data-testid=share-qr]").InnerHtml;

        navigation.NavigateTo("machines/m1?pane=exits");
        button.Render(Parameters);

        Assert.Contains("pane%3Dexits", Link(button), StringComparison.Ordinal);
        Assert.NotEqual(code, button.Find("[data-testid=share-qr]").InnerHtml);
        button.Find("[data-testid=share]").Click();
        Assert.Empty(button.FindAll("[data-testid=share-panel]"));
    }

    private static string Link(IRenderedComponent<ShareButton> button) => button.Find("[data-testid=share-link]").GetAttribute("value")!;

    private void Parameters(ComponentParameterCollectionBuilder<ShareButton> with) => with.Add(p => p.User, _operator).Add(p => p.MayChange, true);
}
