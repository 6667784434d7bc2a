using System.Globalization;
using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using Hyperpatch.Web.Configuration;
using Hyperpatch.Web.Startup;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;

namespace Hyperpatch.Web.Security;

/// <summary>What happens to a browser's session: made at log-in, checked at each request, replaced by a log-in page or a status code.</summary>
internal sealed class SessionCookieEvents(SecurityOptions options, SessionRegistry sessions) : CookieAuthenticationEvents
{
    private const string ServerClaim = "hyperpatch:server";

    // Sessions that shall not outlive this process carry a number that the next process does not know.
    private readonly string _process = options.KeepSessions ? "" : Guid.NewGuid().ToString("N");

    /// <summary>The identity to write into a new session.</summary>
    public ClaimsPrincipal CreatePrincipal(HttpContext context, AccessRole role) =>
        AccessPolicies.Principal(role, AccessSchemes.Session, new Claim(ServerClaim, Fingerprint(context)), SessionRegistry.NewClaim());

    /// <inheritdoc/>
    public override async Task ValidatePrincipal(CookieValidatePrincipalContext context)
    {
        // The keys that protect cookies are shared by all of this user's dashboards: without this, one's session would be good for another.
        if (context.Principal is not { } user
            || user.FindFirstValue(ServerClaim) != Fingerprint(context.HttpContext)
            || !SessionRegistry.HasSession(user)
            || sessions.IsOver(user))
        {
            context.RejectPrincipal();
            await context.HttpContext.SignOutAsync(AccessSchemes.Session);
        }
    }

    /// <inheritdoc/>
    public override Task RedirectToLogin(RedirectContext<CookieAuthenticationOptions> context)
    {
        HttpRequest request = context.Request;
        string here = request.PathBase + request.Path + request.QueryString;
        if (!WantsPage(request))
        {
            context.Response.Headers.WWWAuthenticate = "Bearer realm=\"Hyperpatch\"";
            context.Response.StatusCode = StatusCodes.Status401Unauthorized;
            return Task.CompletedTask;
        }

        // A link to us on somebody else's page (a chat, say) arrives without the Strict cookie even where the person is logged
        // in. A page of ours that goes to the same address is a visit from ourselves, and carries the cookie.
        if (request.Headers["Sec-Fetch-Site"] == "cross-site" && LocalUrl.IsLocal(here))
        {
            context.Response.ContentType = "text/html; charset=utf-8";
            context.Response.Headers.CacheControl = "no-store";
            return context.Response.WriteAsync(
                $"<!DOCTYPE html><html lang=\"en\"><head><title>Hyperpatch</title><meta http-equiv=\"refresh\" content=\"0;url={HtmlEncoder.Default.Encode(here)}\"></head><body></body></html>");
        }

        context.Response.Redirect(here == "/" ? "/login" : "/login?returnUrl=" + Uri.EscapeDataString(here));
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public override Task RedirectToAccessDenied(RedirectContext<CookieAuthenticationOptions> context)
    {
        context.Response.StatusCode = StatusCodes.Status403Forbidden;
        return Task.CompletedTask;
    }

    private static bool WantsPage(HttpRequest request) => HttpMethods.IsGet(request.Method) && !ProgramPaths.Match(request);

    private string Fingerprint(HttpContext context)
    {
        string text = string.Join('\n', context.Connection.LocalPort.ToString(CultureInfo.InvariantCulture), options.OperatorToken, options.ViewerToken, _process);
        return Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(text)), 0, 16);
    }
}
