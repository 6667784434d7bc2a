using System.Net;
using System.Net.Http.Headers;
using Hyperpatch.Web.Configuration;
using Hyperpatch.Web.Security;
using Microsoft.AspNetCore.Http;

namespace Hyperpatch.Engine.Tests.Web;

/// <summary>The limit on guesses: what counts against it and what does not.</summary>
public sealed class LoginAttemptsTests
{
    private static readonly Dictionary<string, string?> s_three = new() { ["Security:LoginAttemptsPerMinute"] = "3" };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Right_links_are_not_counted()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync(s_three, withoutAccelerator: true);
        using HttpClient browser = dashboard.Client(null);
        for (int i = 0; i < 6; i++)
        {
            Assert.Equal(HttpStatusCode.OK, (await browser.GetAsync(dashboard.Application.LoginLink(AccessRole.Viewer), Cancellation)).StatusCode);
        }
    }

    [Fact]
    public async Task Programs_that_guess_are_held_back_and_people_still_log_in()
    {
        await using Dashboard dashboard = await Dashboard.StartAsync(s_three, withoutAccelerator: true);
        using HttpClient guesser = dashboard.Client(null);
        guesser.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "wrong");
        List<HttpStatusCode> answers = [];
        for (int i = 0; i < 5; i++)
        {
            answers.Add((await guesser.GetAsync(new Uri("/api/machines", UriKind.Relative), Cancellation)).StatusCode);
        }

        Assert.Equal(
            [HttpStatusCode.Unauthorized, HttpStatusCode.Unauthorized, HttpStatusCode.Unauthorized, HttpStatusCode.TooManyRequests, HttpStatusCode.TooManyRequests],
            answers);
        using HttpClient browser = dashboard.Client(null);
        Assert.Equal(HttpStatusCode.OK, (await browser.GetAsync(dashboard.Application.LoginLink(AccessRole.Viewer), Cancellation)).StatusCode);
    }

    [Theory]
    [InlineData("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true)]
    [InlineData("2001:db8:1:2::1", "2001:db8:1:3::1", false)]
    [InlineData("192.0.2.1", "192.0.2.2", false)]
    [InlineData("::ffff:192.0.2.1", "::ffff:192.0.2.2", false)]
    [InlineData("::ffff:192.0.2.1", "192.0.2.1", true)]
    [InlineData("fe80::1%2", "fe80::2%2", true)]
    [InlineData("fe80::1%2", "fe80::1%3", false)]
    public void A_network_that_one_customer_has_is_counted_as_one(string guesser, string next, bool isHeldBack)
    {
        using var attempts = new LoginAttempts(new SecurityOptions { LoginAttemptsPerMinute = 1 });
        attempts.CountWrong(From(guesser), "login");
        Assert.True(attempts.Exhausted(From(guesser), "login"));
        Assert.Equal(isHeldBack, attempts.Exhausted(From(next), "login"));
    }

    [Theory]
    [InlineData("127.0.0.1", true)]
    [InlineData("192.0.2.0/24, 127.0.0.0/8", true)]
    [InlineData("192.0.2.7", false)]
    [InlineData("", false)]
    public async Task Who_comes_through_a_known_proxy_is_counted_apart(string proxies, bool isApart)
    {
        await using Dashboard dashboard = await Dashboard.StartAsync(new Dictionary<string, string?>(s_three) { ["Security:KnownProxies"] = proxies }, withoutAccelerator: true);
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(HttpStatusCode.Unauthorized, await GuessAsync(dashboard, "198.51.100.1"));
        }

        Assert.Equal(HttpStatusCode.TooManyRequests, await GuessAsync(dashboard, "198.51.100.1"));
        Assert.Equal(isApart ? HttpStatusCode.Unauthorized : HttpStatusCode.TooManyRequests, await GuessAsync(dashboard, "198.51.100.2"));

        // What stands before the last one that is not known was written by anybody.
        Assert.Equal(HttpStatusCode.TooManyRequests, await GuessAsync(dashboard, "203.0.113.9, 198.51.100.1"));
    }

    [Theory]
    [InlineData("127.0.0.1", true)]
    [InlineData("", false)]
    public async Task A_session_behind_a_known_proxy_with_tls_is_for_tls_alone(string proxies, bool isSecure)
    {
        await using Dashboard dashboard = await Dashboard.StartAsync(new Dictionary<string, string?> { ["Security:KnownProxies"] = proxies }, withoutAccelerator: true);
        using HttpClientHandler handler = new() { AllowAutoRedirect = false, UseCookies = false };
        using HttpClient browser = new(handler);
        browser.DefaultRequestHeaders.Add("X-Forwarded-For", "198.51.100.1");
        browser.DefaultRequestHeaders.Add("X-Forwarded-Proto", "https");
        using HttpResponseMessage answer = await browser.GetAsync(dashboard.Application.LoginLink(AccessRole.Viewer), Cancellation);
        string session = Assert.Single(answer.Headers.GetValues("Set-Cookie"), cookie => cookie.Contains("Session", StringComparison.Ordinal));
        Assert.Equal(isSecure, session.Contains("secure", StringComparison.OrdinalIgnoreCase));
    }

    private static async Task<HttpStatusCode> GuessAsync(Dashboard dashboard, string sender)
    {
        using HttpClient client = dashboard.Client(null);
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "wrong");
        client.DefaultRequestHeaders.Add("X-Forwarded-For", sender);
        using HttpResponseMessage answer = await client.GetAsync(new Uri("/api/machines", UriKind.Relative), Cancellation);
        return answer.StatusCode;
    }

    private static DefaultHttpContext From(string address) => new() { Connection = { RemoteIpAddress = IPAddress.Parse(address) } };
}
