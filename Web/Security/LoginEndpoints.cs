using Hyperpatch.Web.Components.Login;
using Hyperpatch.Web.Configuration;
using Hyperpatch.Web.Machines;
using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace Hyperpatch.Web.Security;

/// <summary>Log-in and log-out. Plain HTTP: a cookie cannot be set over a page's circuit.</summary>
internal static class LoginEndpoints
{
    private const string Attempts = "login";

    /// <summary>Maps /login and /logout.</summary>
    public static void MapLogin(this IEndpointRouteBuilder endpoints)
    {
        RouteGroupBuilder group = endpoints.MapGroup("").AllowAnonymous().ExcludeFromDescription();
        group.MapGet("/login", FromLink);
        group.MapPost("/login", FromForm).WithMetadata(new RequestSizeLimitAttribute(16 * 1024));
        group.MapPost("/logout", LogOut).WithMetadata(new RequestSizeLimitAttribute(16 * 1024));
    }

    private static async Task<IResult> FromLink(
        HttpContext context,
        SecurityOptions options,
        AccessTokens tokens,
        LoginAttempts attempts,
        SessionCookieEvents sessions,
        MachineRegistry machines,
        string? t,
        string? returnUrl)
    {
        string target = Target(returnUrl, machines);
        if (options.Mode == SecurityMode.None)
        {
            return TypedResults.LocalRedirect(target);
        }

        if (t is null)
        {
            return context.User.MayWatch() ? TypedResults.LocalRedirect(target) : Page(context, LocalUrl.OrHome(returnUrl), wrong: false);
        }

        if (attempts.Exhausted(context, Attempts))
        {
            return TooMany(context);
        }

        if (tokens.Check(t) is not { } role)
        {
            attempts.CountWrong(context, Attempts);
            return Page(context, LocalUrl.OrHome(returnUrl), wrong: true);
        }

        await context.SignInAsync(AccessSchemes.Session, sessions.CreatePrincipal(context, role));

        // Not a redirect: the link may have been followed from somebody else's page, and a redirect would still count as theirs
        // and go without the Strict cookie just set. The page goes on by itself, from us to us.
        context.Response.Headers.CacheControl = "no-store";
        return new RazorComponentResult<LoggedInPage>(new { Target = target });
    }

    private static async Task<IResult> FromForm(
        HttpContext context,
        SecurityOptions options,
        AccessTokens tokens,
        LoginAttempts attempts,
        SessionCookieEvents sessions,
        MachineRegistry machines,
        [FromForm] string? token,
        [FromForm] string? returnUrl)
    {
        string target = Target(returnUrl, machines);
        if (options.Mode == SecurityMode.None)
        {
            return TypedResults.LocalRedirect(target);
        }

        if (attempts.Exhausted(context, Attempts))
        {
            return TooMany(context);
        }

        if (tokens.Check(token?.Trim()) is not { } role)
        {
            attempts.CountWrong(context, Attempts);
            return Page(context, LocalUrl.OrHome(returnUrl), wrong: true);
        }

        await context.SignInAsync(AccessSchemes.Session, sessions.CreatePrincipal(context, role));
        return TypedResults.LocalRedirect(target);
    }

    // Whoever comes by the link printed at start wants to see the machine that runs, not a list of one.
    private static string Target(string? returnUrl, MachineRegistry machines) =>
        string.IsNullOrEmpty(returnUrl) && machines.All is [var only] ? $"/machines/{only.Machine.Id}" : LocalUrl.OrHome(returnUrl);

    private static async Task<IResult> LogOut(HttpContext context, SecurityOptions options, SessionRegistry sessions, [FromForm] string? reason)
    {
        _ = reason; // A form parameter is what makes the framework ask for the anti-forgery token.
        if (options.Mode == SecurityMode.Token)
        {
            sessions.End(context.User);
            await context.SignOutAsync(AccessSchemes.Session);
        }

        return TypedResults.LocalRedirect("/login");
    }

    private static StatusCodeHttpResult TooMany(HttpContext context)
    {
        context.Response.Headers.RetryAfter = "60";
        return TypedResults.StatusCode(StatusCodes.Status429TooManyRequests);
    }

    private static RazorComponentResult<LoginPage> Page(HttpContext context, string target, bool wrong)
    {
        AntiforgeryTokenSet token = context.RequestServices.GetRequiredService<IAntiforgery>().GetAndStoreTokens(context);
        context.Response.Headers.CacheControl = "no-store";
        return new RazorComponentResult<LoginPage>(new { Target = target, Wrong = wrong, Antiforgery = token })
        {
            StatusCode = wrong ? StatusCodes.Status401Unauthorized : StatusCodes.Status200OK,
        };
    }
}
