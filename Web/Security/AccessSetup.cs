using System.Threading.RateLimiting;
using Hyperpatch.Web.Configuration;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.Extensions.Options;

namespace Hyperpatch.Web.Security;

/// <summary>Registers who may do what.</summary>
internal static class AccessSetup
{
    /// <summary>Name of the limit on requests that read recorded exits.</summary>
    public const string HistoryRateLimit = "history";

    /// <summary>So many of them at once from one address. Whoever takes a file in slowly holds a place for as long as that lasts: the places of others are not theirs.</summary>
    public const int HistoryRequests = 4;

    /// <summary>So many of them at once in all.</summary>
    public const int AllHistoryRequests = 8;

    /// <summary>Adds authentication, authorization (deny by default), anti-forgery and the limit on log-in attempts.</summary>
    public static void AddAccess(this IServiceCollection services, SecurityOptions options)
    {
        services.AddSingleton(options);
        services.AddSingleton(new AccessTokens(options));
        services.AddSingleton<LoginAttempts>();
        services.AddSingleton(provider => new EndedSessionFiles(
            options is { Mode: SecurityMode.Token, KeepSessions: true }
                ? EndedSessionFiles.KeysOf(provider.GetRequiredService<IOptions<KeyManagementOptions>>().Value.XmlRepository)
                : null,
            provider.GetRequiredService<ILogger<EndedSessionFiles>>()));
        services.AddSingleton(provider => new SessionRegistry(provider.GetRequiredService<EndedSessionFiles>(), TimeProvider.System));
        services.AddSingleton<ViewerLinks>();
        services.AddSingleton<SessionCookieEvents>();
        services.AddSingleton<IAuthorizationMiddlewareResultHandler, RefusalWriter>();
        services.AddDataProtection().SetApplicationName("Hyperpatch");

        AuthenticationBuilder authentication = services.AddAuthentication(options.Mode == SecurityMode.None ? AccessSchemes.Open : AccessSchemes.Automatic);
        if (options.Mode == SecurityMode.None)
        {
            authentication.AddScheme<AuthenticationSchemeOptions, OpenAuthenticationHandler>(AccessSchemes.Open, null);
        }
        else
        {
            authentication.AddPolicyScheme(AccessSchemes.Automatic, null, scheme =>
                scheme.ForwardDefaultSelector = context => BearerAuthenticationHandler.Applies(context.Request) ? AccessSchemes.Bearer : AccessSchemes.Session);
            authentication.AddScheme<AuthenticationSchemeOptions, BearerAuthenticationHandler>(AccessSchemes.Bearer, null);
            authentication.AddCookie(AccessSchemes.Session, cookie =>
            {
                cookie.Cookie.Name = "Hyperpatch.Session";
                cookie.Cookie.HttpOnly = true;
                cookie.Cookie.SameSite = SameSiteMode.Strict;
                cookie.Cookie.SecurePolicy = CookieSecurePolicy.SameAsRequest;
                cookie.CookieManager = new SessionCookieManager();
                cookie.EventsType = typeof(SessionCookieEvents);
                cookie.ExpireTimeSpan = SessionRegistry.Lifetime;
                cookie.SlidingExpiration = true;
            });
        }

        AuthorizationPolicy viewer = new AuthorizationPolicyBuilder().RequireRole(AccessPolicies.Viewer, AccessPolicies.Operator).Build();
        services.AddAuthorizationBuilder()
            .AddPolicy(AccessPolicies.Viewer, viewer)
            .AddPolicy(AccessPolicies.Operator, policy => policy.RequireRole(AccessPolicies.Operator))
            .SetDefaultPolicy(viewer)
            .SetFallbackPolicy(viewer);

        services.AddAntiforgery(antiforgery =>
        {
            antiforgery.Cookie.Name = "Hyperpatch.Form";
            antiforgery.Cookie.SameSite = SameSiteMode.Strict;

            // The middleware's own frame policy says the same as the older header.
            antiforgery.SuppressXFrameOptionsHeader = true;
        });

        services.AddRateLimiter(limiter =>
        {
            limiter.RejectionStatusCode = StatusCodes.Status429TooManyRequests;
            limiter.OnRejected = async (rejected, _) =>
            {
                rejected.HttpContext.Response.Headers.RetryAfter = "1";
                await Results.Problem(
                    "Too many requests read recorded exits at this moment; ask again in a second.",
                    statusCode: StatusCodes.Status429TooManyRequests).ExecuteAsync(rejected.HttpContext);
            };

            // Each of these walks a history of up to a million exits: a few at a time leave the processors to the guests.
            limiter.AddPolicy(HistoryRateLimit, context => AtOnce(ClientAddress.Of(context), HistoryRequests));
            limiter.GlobalLimiter = PartitionedRateLimiter.Create<HttpContext, string>(context =>
                context.GetEndpoint()?.Metadata.GetMetadata<EnableRateLimitingAttribute>()?.PolicyName == HistoryRateLimit
                    ? AtOnce(HistoryRateLimit, AllHistoryRequests)
                    : RateLimitPartition.GetNoLimiter(""));
        });
    }

    private static RateLimitPartition<string> AtOnce(string who, int most) =>
        RateLimitPartition.GetConcurrencyLimiter(who, _ => new ConcurrencyLimiterOptions { PermitLimit = most, QueueLimit = 0 });
}
