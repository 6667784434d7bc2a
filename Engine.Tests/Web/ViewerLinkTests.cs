using System.Net;
using System.Security.Claims;
using Hyperpatch.Web.Machines.Commands;
using Hyperpatch.Web.Security;
using Microsoft.Extensions.DependencyInjection;

namespace Hyperpatch.Engine.Tests.Web;

/// <summary>Links that operators give to those who are to watch.</summary>
public sealed class ViewerLinkTests
{
    [Fact]
    public async Task An_operators_link_logs_a_viewer_in_at_the_page()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        ViewerLinks links = dashboard.Application.Services.GetRequiredService<ViewerLinks>();

        ViewerLink link = links.To(Somebody("operator"), dashboard.Address, "machines/m1?pane=story&event=7").Value!;

        Assert.True(link is { HasToken: true, IsForThisMachineAlone: true });
        Assert.DoesNotContain(dashboard.Token(AccessRole.Operator), link.Address.ToString(), StringComparison.Ordinal);
        using HttpClient client = dashboard.Client(null);
        HttpResponseMessage answer = await client.GetAsync(link.Address, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        string page = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.Contains("/machines/m1?pane=story&event=7", WebUtility.HtmlDecode(page), StringComparison.Ordinal);
        Assert.False(links.To(Somebody("operator"), new Uri("http://hyperpatch.example/"), "").Value!.IsForThisMachineAlone);
    }

    [Fact]
    public async Task A_viewer_is_told_no_token()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync();
        ViewerLinks links = dashboard.Application.Services.GetRequiredService<ViewerLinks>();

        Assert.Equal(CommandErrorKind.Forbidden, links.To(Somebody("viewer"), dashboard.Address, "").Error?.Kind);
    }

    [Fact]
    public async Task Where_nobody_logs_in_the_link_is_the_page()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync(new Dictionary<string, string?> { ["Security:Mode"] = "None" });
        ViewerLink link = dashboard.Application.Services.GetRequiredService<ViewerLinks>().To(Somebody("operator"), dashboard.Address, "machines/m1?present=1").Value!;

        Assert.Equal((new Uri(dashboard.Address, "/machines/m1?present=1"), false), (link.Address, link.HasToken));
    }

    [Theory]
    [InlineData("/evil.example")]
    [InlineData("\\evil.example")]
    public async Task A_link_leads_nowhere_else(string path)
    {
        await using Dashboard dashboard = await Dashboard.StartAsync(new Dictionary<string, string?> { ["Security:Mode"] = "None" });
        ViewerLink link = dashboard.Application.Services.GetRequiredService<ViewerLinks>().To(Somebody("operator"), dashboard.Address, path).Value!;

        Assert.Equal(dashboard.Address, link.Address);
    }

    private static ClaimsPrincipal Somebody(string role) => new(new ClaimsIdentity([new Claim(ClaimTypes.Role, role)], "test"));
}
