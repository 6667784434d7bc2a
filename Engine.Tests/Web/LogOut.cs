using System.Net;
using System.Text.RegularExpressions;

namespace Hyperpatch.Engine.Tests.Web;

/// <summary>Logs out as a browser does.</summary>
internal static partial class LogOut
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Logs out of a session.</summary>
    /// <param name="dashboard">Where.</param>
    /// <param name="browser">Without a log-in of its own.</param>
    /// <param name="session">The session's cookie.</param>
    public static async Task DoAsync(Dashboard dashboard, HttpClient browser, string session)
    {
        // The log-in page's form carries an anti-forgery pair that is good for any form of this session.
        using HttpRequestMessage form = new(HttpMethod.Get, "/login?t=wrong");
        form.Headers.Add("Cookie", session);
        HttpResponseMessage page = await browser.SendAsync(form, Cancellation);
        string pair = page.Headers.GetValues("Set-Cookie").Single(cookie => cookie.StartsWith("Hyperpatch.Form", StringComparison.Ordinal)).Split(';')[0];
        Match field = FormToken().Match(await page.Content.ReadAsStringAsync(Cancellation));
        Assert.True(field.Success);
        using HttpRequestMessage logout = new(HttpMethod.Post, "/logout")
        {
            Content = new FormUrlEncodedContent(new Dictionary<string, string> { ["__RequestVerificationToken"] = field.Groups[1].Value }),
        };
        logout.Headers.Add("Cookie", session + "; " + pair);
        logout.Headers.Add("Origin", dashboard.Address.GetLeftPart(UriPartial.Authority));
        Assert.Equal(HttpStatusCode.Found, (await browser.SendAsync(logout, Cancellation)).StatusCode);
    }

    [GeneratedRegex("__RequestVerificationToken\"[^>]*value=\"([^\"]+)\"")]
    private static partial Regex FormToken();
}
