using Hyperpatch.Web.Api;
using Hyperpatch.Web.Components;
using Hyperpatch.Web.Components.Login;
using Hyperpatch.Web.Hubs;
using Hyperpatch.Web.Security;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Http.Connections;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Hyperpatch.Web.Startup;

/// <summary>The order in which a request passes through, and what answers it.</summary>
internal static class Pipeline
{
    // Far more than any request needs; the serial port's input is the longest.
    private const int MaximumBody = 64 * 1024;

    /// <summary>Sets the application up.</summary>
    public static void Configure(WebApplication application)
    {
        application.UseKnownProxies();
        application.UseMiddleware<SecurityHeadersMiddleware>();
        application.UseExceptionHandler("/status/500");

        application.UseWhen(IsForPrograms, branch => branch.UseExceptionHandler(new ExceptionHandlerOptions
        {
            ExceptionHandler = ExplainAsync,

            // A request that is too long or cut off is the client's mistake, and nothing to log a stack trace for.
            SuppressDiagnosticsCallback = failure => failure.Exception is BadHttpRequestException,
        }));

        // Programs get problem details, people a page.
        application.UseWhen(IsForPrograms, branch => branch.UseStatusCodePages());
        application.UseWhen(context => !IsForPrograms(context), branch => branch.UseStatusCodePagesWithReExecute("/status/{0}"));
        application.UseMiddleware<OriginCheckMiddleware>();
        application.UseRouting();
        application.UseAuthentication();
        application.UseAuthorization();

        // After the roles: whoever is refused anyway does not take anybody's place.
        application.UseRateLimiter();
        application.UseAntiforgery();

        application.MapHealthChecks("/healthz", new HealthCheckOptions { ResponseWriter = WriteHealthAsync }).AllowAnonymous();
        application.MapStaticAssets().AllowAnonymous();
        application.MapLogin();
        application.Map("/status/{code:int}", Status).AllowAnonymous().DisableAntiforgery().ExcludeFromDescription();
        application.MapOpenApi("/openapi/{documentName}.json").RequireAuthorization(AccessPolicies.Viewer);
        application.MapEngineMetrics();
        application.MapHub<MachinesHub>("/hubs/machines", Connect).RequireAuthorization(AccessPolicies.Viewer);
        RouteGroupBuilder api = application.MapGroup("/api").RequireAuthorization(AccessPolicies.Viewer).WithMetadata(new RequestSizeLimitAttribute(MaximumBody)).ProducesProblem(401);
        api.MapHost();
        api.MapMachines();
        api.MapAssemble();
        application.MapRazorComponents<App>()
            .AddInteractiveServerRenderMode(render => render.ContentSecurityFrameAncestorsPolicy = null)
            .RequireAuthorization(AccessPolicies.Viewer);
    }

    private static void Connect(HttpConnectionDispatcherOptions connection)
    {
        connection.CloseOnAuthenticationExpiration = true;

        // Beyond this a slow client's frames wait in its subscription, where the oldest are dropped and counted.
        connection.TransportMaxBufferSize = 64 * 1024;
    }

    private static Task ExplainAsync(HttpContext context)
    {
        IResult answer = context.Features.Get<IExceptionHandlerFeature>()?.Error is BadHttpRequestException bad
            ? Results.Problem(bad.Message, statusCode: bad.StatusCode)
            : Results.Problem("Something went wrong in the server; its log says what.", statusCode: StatusCodes.Status500InternalServerError);
        return answer.ExecuteAsync(context);
    }

    private static Task WriteHealthAsync(HttpContext context, HealthReport report)
    {
        context.Response.Headers[ServerInstance.Header] = context.RequestServices.GetRequiredService<ServerInstance>().Id;
        context.Response.ContentType = "text/plain";
        return context.Response.WriteAsync(report.Status.ToString(), context.RequestAborted);
    }

    private static bool IsForPrograms(HttpContext context) => ProgramPaths.Match(context.Request);

    private static RazorComponentResult<StatusPage> Status(int code) => new(new { Code = code }) { StatusCode = code is >= 400 and < 600 ? code : StatusCodes.Status404NotFound };
}
