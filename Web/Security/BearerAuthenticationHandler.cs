using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;

namespace Hyperpatch.Web.Security;

/// <summary><c>Authorization: Bearer TOKEN</c>, or <c>?access_token=TOKEN</c> on a hub (a browser's WebSocket has no headers to set).</summary>
internal sealed class BearerAuthenticationHandler(
    IOptionsMonitor<AuthenticationSchemeOptions> options,
    ILoggerFactory logger,
    UrlEncoder encoder,
    AccessTokens tokens,
    LoginAttempts attempts) : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    private const string Prefix = "Bearer ";
    private const string Attempts = "bearer";

    private bool _tooMany;

    /// <summary>Whether a request carries a token of its own, good or bad.</summary>
    public static bool Applies(HttpRequest request) => request.Headers.ContainsKey(HeaderNames.Authorization) || QueryToken(request) is not null;

    /// <inheritdoc/>
    protected override Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        string? header = Request.Headers.Authorization;
        string? token = header is null ? QueryToken(Request)
            : header.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase) ? header[Prefix.Length..].Trim() : null;
        if (token is null)
        {
            return Task.FromResult(AuthenticateResult.NoResult());
        }

        _tooMany = attempts.Exhausted(Context, Attempts);
        if (_tooMany)
        {
            return Task.FromResult(AuthenticateResult.Fail("Too many wrong tokens came from this address."));
        }

        if (tokens.Check(token) is not { } role)
        {
            attempts.CountWrong(Context, Attempts);
            return Task.FromResult(AuthenticateResult.Fail("The token is not one of this server's."));
        }

        return Task.FromResult(AuthenticateResult.Success(new AuthenticationTicket(AccessPolicies.Principal(role, Scheme.Name, AccessHolder.ClaimOf(Context)), Scheme.Name)));
    }

    /// <inheritdoc/>
    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        if (_tooMany)
        {
            Response.Headers.RetryAfter = "60";
            Response.StatusCode = StatusCodes.Status429TooManyRequests;
            return Task.CompletedTask;
        }

        Response.Headers.WWWAuthenticate = "Bearer realm=\"Hyperpatch\"";
        Response.StatusCode = StatusCodes.Status401Unauthorized;
        return Task.CompletedTask;
    }

    private static string? QueryToken(HttpRequest request) =>
        request.Path.StartsWithSegments("/hubs") && request.Query["access_token"] is [{ Length: > 0 } token, ..] ? token : null;
}
