using Hyperpatch.Web.Api;
using Hyperpatch.Web.Components;
using Hyperpatch.Web.Components.Login;
using Hyperpatch.Web.Hubs;
using Hyperpatch.Web.Security;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Hyperpatch.Web.Startup;

/// <summary>The order in which a request passes through, and what answers it.</summary>
internal static class Pipeline
{
    /// <summary>Sets the application up.</summary>
    public static void Configure(WebApplication application)
    {
        application.UseMiddleware<SecurityHeadersMiddleware>();
        application.UseExceptionHandler("/status/500");

        // Programs get problem details, people a page.
        application.UseWhen(IsForPrograms, branch => branch.UseStatusCodePages());
        application.UseWhen(context => !IsForPrograms(context), branch => branch.UseStatusCodePagesWithReExecute("/status/{0}"));
        application.UseMiddleware<OriginCheckMiddleware>();
        application.UseRouting();
        application.UseRateLimiter();
        application.UseAuthentication();
        application.UseAuthorization();
        application.UseAntiforgery();

        application.MapHealthChecks("/healthz").AllowAnonymous();
        application.MapStaticAssets().AllowAnonymous();
        application.MapLogin();
        application.Map("/status/{code:int}", Status).AllowAnonymous().DisableAntiforgery().ExcludeFromDescription();
        application.MapOpenApi("/openapi/{documentName}.json").RequireAuthorization(AccessPolicies.Viewer);
        application.MapEngineMetrics();
        application.MapHub<MachinesHub>("/hubs/machines").RequireAuthorization(AccessPolicies.Viewer);
        RouteGroupBuilder api = application.MapGroup("/api").RequireAuthorization(AccessPolicies.Viewer);
        api.MapHost();
        api.MapMachines();
        application.MapRazorComponents<App>()
            .AddInteractiveServerRenderMode(render => render.ContentSecurityFrameAncestorsPolicy = null)
            .RequireAuthorization(AccessPolicies.Viewer);
    }

    private static bool IsForPrograms(HttpContext context) => ProgramPaths.Match(context.Request);

    private static RazorComponentResult<StatusPage> Status(int code) => new(new { Code = code }) { StatusCode = code is >= 400 and < 600 ? code : StatusCodes.Status404NotFound };
}
