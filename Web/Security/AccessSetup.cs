using System.Threading.RateLimiting;
using Hyperpatch.Web.Configuration;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.DataProtection;

namespace Hyperpatch.Web.Security;

/// <summary>Registers who may do what.</summary>
internal static class AccessSetup
{
    /// <summary>Adds authentication, authorization (deny by default), anti-forgery and the limit on log-in attempts.</summary>
    public static void AddAccess(this IServiceCollection services, SecurityOptions options)
    {
        services.AddSingleton(options);
        services.AddSingleton(new AccessTokens(options));
        services.AddSingleton<SessionCookieEvents>();
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
                cookie.ExpireTimeSpan = TimeSpan.FromHours(12);
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
            limiter.OnRejected = (context, _) =>
            {
                context.HttpContext.Response.Headers.RetryAfter = "60";
                return ValueTask.CompletedTask;
            };
            limiter.AddPolicy(LoginEndpoints.RateLimit, context =>
                HttpMethods.IsGet(context.Request.Method) && !context.Request.Query.ContainsKey("t")
                    ? RateLimitPartition.GetNoLimiter("")
                    : RateLimitPartition.GetFixedWindowLimiter(context.Connection.RemoteIpAddress?.ToString() ?? "", _ => new FixedWindowRateLimiterOptions
                    {
                        PermitLimit = options.LoginAttemptsPerMinute,
                        Window = TimeSpan.FromMinutes(1),
                    }));
        });
    }
}
