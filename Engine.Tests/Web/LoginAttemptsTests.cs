using System.Net;
using System.Net.Http.Headers;
using Hyperpatch.Web.Security;

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
}
