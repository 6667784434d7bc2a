using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using Hyperpatch.Web.Security;
using Microsoft.Playwright;

namespace Hyperpatch.Engine.Tests.Web.Browser;

/// <summary>One person at a browser of their own (cookies and all), and what went wrong in it.</summary>
internal sealed partial class Visitor : IAsyncDisposable
{
    private readonly IBrowserContext _context;
    private readonly ConcurrentQueue<string> _complaints = new();

    private Visitor(IBrowserContext context, IPage page, Uri home)
    {
        _context = context;
        Page = page;
        page.SetDefaultTimeout(60_000);
        page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning")
            {
                _complaints.Enqueue($"console {message.Type}: {message.Text}");
            }
        };
        page.PageError += (_, error) => _complaints.Enqueue($"page error: {error}");
        page.RequestFailed += (_, request) =>
        {
            // What a navigation or a closed page cuts off is no failure.
            if (request.Failure is not "net::ERR_ABORTED")
            {
                _complaints.Enqueue($"request failed: {request.Url}: {request.Failure}");
            }
        };
        page.Request += (_, request) =>
        {
            Uri address = new(request.Url);
            if (address.Scheme is not ("data" or "blob") && address.Authority != home.Authority)
            {
                _complaints.Enqueue($"asked another host: {request.Url}");
            }
        };
        page.Response += (_, response) =>
        {
            if (response.Status >= 400)
            {
                _complaints.Enqueue($"status {response.Status}: {response.Url}");
            }
        };
    }

    public IPage Page { get; }

    /// <summary>Errors and warnings on the console, failed requests, requests to other hosts.</summary>
    public IReadOnlyCollection<string> Complaints => _complaints;

    /// <summary>Opens the login link as it is printed at start.</summary>
    public static Task<Visitor> LogInAsync(IBrowser browser, Dashboard dashboard, AccessRole role, ColorScheme scheme = ColorScheme.Light, string? timeZone = null) =>
        LogInAsync(browser, dashboard, role, scheme == ColorScheme.Dark ? Look.Dark : Look.Light, options => options.TimezoneId = timeZone);

    /// <summary>The same with another look, or a browser of another kind.</summary>
    public static async Task<Visitor> LogInAsync(IBrowser browser, Dashboard dashboard, AccessRole role, Look look, Action<BrowserNewContextOptions>? configure = null)
    {
        BrowserNewContextOptions options = new()
        {
            ViewportSize = new ViewportSize { Width = 1440, Height = 900 },
            ColorScheme = look.Scheme(),
            Contrast = look.Contrast(),
        };
        configure?.Invoke(options);
        IBrowserContext context = await browser.NewContextAsync(options);
        IPage page = await context.NewPageAsync();
        Visitor visitor = new(context, page, dashboard.Address);
        _ = await page.GotoAsync(dashboard.Application.LoginLink(role).ToString());
        // The page that sets the cookie goes on by itself. Looked at again and again: a wait for the event of it, begun just after, is in vain.
        await Assertions.Expect(page).Not.ToHaveURLAsync(LoginAddress());
        _ = await page.WaitForFunctionAsync("() => document.readyState === 'complete'");
        return visitor;
    }

    public ILocator Test(string id) => Page.GetByTestId(id);

    public ValueTask DisposeAsync() => _context.DisposeAsync();

    [GeneratedRegex("^[^/]+//[^/]+/login")]
    private static partial Regex LoginAddress();
}
