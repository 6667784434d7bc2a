using System.Net;
using Hyperpatch.Web;
using Hyperpatch.Web.Configuration;
using Hyperpatch.Web.Security;

namespace Hyperpatch.Engine.Tests.Web;

/// <summary>Log-in, sessions, and what other sites can make a browser do.</summary>
public sealed class AccessTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_link_gives_a_strict_session_by_a_page_that_goes_on_by_itself()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync(withoutAccelerator: true);
        using HttpClient browser = dashboard.Client(null);
        HttpResponseMessage response = await browser.GetAsync(dashboard.Application.LoginLink(AccessRole.Viewer), Cancellation);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        string cookie = Assert.Single(response.Headers.GetValues("Set-Cookie"));
        Assert.Contains("samesite=strict", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("httponly", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("0;url=/", await response.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);

        browser.DefaultRequestHeaders.Add("Cookie", cookie.Split(';')[0]);
        Assert.Equal(HttpStatusCode.OK, (await browser.GetAsync(new Uri("/api/machines", UriKind.Relative), Cancellation)).StatusCode);
    }

    [Theory]
    [InlineData("//evil.example")]
    [InlineData("/\\evil.example")]
    [InlineData("https://evil.example/")]
    [InlineData("/\t/evil.example")]
    public async Task After_log_in_one_stays_on_this_site(string target)
    {
        await using Dashboard dashboard = await Dashboard.StartAsync(withoutAccelerator: true);
        using HttpClient browser = dashboard.Client(null);
        HttpResponseMessage response = await browser.GetAsync(
            new Uri($"/login?t={dashboard.Token(AccessRole.Viewer)}&returnUrl={Uri.EscapeDataString(target)}", UriKind.Relative), Cancellation);
        Assert.DoesNotContain("evil", await response.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_wrong_token_is_refused_and_attempts_are_limited()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync(
            new Dictionary<string, string?> { ["Security:LoginAttemptsPerMinute"] = "3" }, withoutAccelerator: true);
        using HttpClient browser = dashboard.Client(null);
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(HttpStatusCode.Unauthorized, (await browser.GetAsync(new Uri("/login?t=wrong", UriKind.Relative), Cancellation)).StatusCode);
        }

        Assert.Equal(HttpStatusCode.TooManyRequests, (await browser.GetAsync(new Uri("/login?t=wrong", UriKind.Relative), Cancellation)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await browser.GetAsync(new Uri("/login", UriKind.Relative), Cancellation)).StatusCode);
    }

    [Theory]
    [InlineData("Origin", "http://evil.example", HttpStatusCode.Forbidden)]
    [InlineData("Origin", "null", HttpStatusCode.Forbidden)]
    [InlineData("Sec-Fetch-Site", "cross-site", HttpStatusCode.Forbidden)]
    [InlineData("X-Nothing", "1", HttpStatusCode.Forbidden)]
    [InlineData("Sec-Fetch-Site", "same-origin", HttpStatusCode.NotFound)]
    public async Task A_change_with_a_session_has_to_come_from_our_own_pages(string header, string value, HttpStatusCode expected)
    {
        await using Dashboard dashboard = await Dashboard.StartAsync(withoutAccelerator: true);
        using HttpClient browser = dashboard.Client(null);
        HttpResponseMessage login = await browser.GetAsync(dashboard.Application.LoginLink(AccessRole.Operator), Cancellation);
        browser.DefaultRequestHeaders.Add("Cookie", login.Headers.GetValues("Set-Cookie").Single().Split(';')[0]);
        browser.DefaultRequestHeaders.Add(header, value);
        HttpResponseMessage response = await browser.PostAsync(new Uri("/api/machines/m9/run", UriKind.Relative), null, Cancellation);
        Assert.Equal(expected, response.StatusCode);
    }

    [Fact]
    public async Task Without_log_in_other_sites_are_kept_out_by_origin_and_by_name()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync(new Dictionary<string, string?> { ["Security:Mode"] = "None" }, withoutAccelerator: true);
        using HttpClient client = dashboard.Client(null);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync(new Uri("/api/machines", UriKind.Relative), Cancellation)).StatusCode);
        using HttpRequestMessage foreign = new(HttpMethod.Post, "/api/machines/m9/run");
        foreign.Headers.Add("Origin", "http://evil.example");
        Assert.Equal(HttpStatusCode.Forbidden, (await client.SendAsync(foreign, Cancellation)).StatusCode);
        using HttpRequestMessage rebound = new(HttpMethod.Get, "/api/machines");
        rebound.Headers.Host = "evil.example";
        Assert.Equal(HttpStatusCode.BadRequest, (await client.SendAsync(rebound, Cancellation)).StatusCode);
    }

    [Theory]
    [InlineData("Security:Mode", "Maybe", "Security:Mode")]
    [InlineData("Security:OperatorToken", "short", "Security:OperatorToken")]
    [InlineData("Security:Tokn", "x", "Security:Tokn")]
    [InlineData("Engine:FramesPerSecond", "50", "Engine:FramesPerSecond")]
    [InlineData("Engine:Accelerator", "2", "Engine:Accelerator")]
    [InlineData("Demo:Vendor", "via", "Demo:Vendor")]
    [InlineData("Urls", "nonsense", "Urls")]
    public void A_bad_setting_is_named_with_what_is_allowed(string key, string value, string named)
    {
        SettingsException error = Assert.Throws<SettingsException>(() => HyperpatchApplication.Create(settings: new Dictionary<string, string?> { [key] = value }));
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
        Assert.Contains("allowed", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void No_log_in_is_for_loopback_alone() =>
        Assert.Throws<SettingsException>(() => HyperpatchApplication.Create(
            settings: new Dictionary<string, string?> { ["Security:Mode"] = "None", ["Urls"] = "http://0.0.0.0:0" }));

    [Fact]
    public async Task A_busy_port_is_one_line()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync(withoutAccelerator: true);
        SettingsException error = await Assert.ThrowsAsync<SettingsException>(
            () => Dashboard.StartAsync(new Dictionary<string, string?> { ["Urls"] = dashboard.Address.ToString() }, withoutAccelerator: true));
        Assert.Contains("in use", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Theory]
    [InlineData("/css/app.css")]
    [InlineData("/js/theme.js")]
    [InlineData("/Hyperpatch.Web.styles.css")]
    [InlineData("/_framework/blazor.web.js")]
    [InlineData("/_content/Vizor.ECharts/js/vizor-echarts-bundle-min.js")]
    public async Task Static_files_are_found(string path)
    {
        await using Dashboard dashboard = await Dashboard.StartAsync(withoutAccelerator: true);
        using HttpClient browser = dashboard.Client(null);
        HttpResponseMessage response = await browser.GetAsync(new Uri(path, UriKind.Relative), Cancellation);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        string policy = Assert.Single(response.Headers.GetValues("Content-Security-Policy"));
        Assert.Contains("script-src 'self'", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
    }
}
