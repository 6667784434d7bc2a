using Hyperpatch.Web.Machines.Commands;
using Hyperpatch.Web.Startup;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Authorization.Policy;

namespace Hyperpatch.Web.Security;

/// <summary>Says why, where a viewer's program asks for a change. The role is checked before anything of the request's body is read.</summary>
internal sealed class RefusalWriter : IAuthorizationMiddlewareResultHandler
{
    private readonly AuthorizationMiddlewareResultHandler _inner = new();

    /// <inheritdoc/>
    public Task HandleAsync(RequestDelegate next, HttpContext context, AuthorizationPolicy policy, PolicyAuthorizationResult authorizeResult) =>
        authorizeResult.Forbidden && ProgramPaths.Match(context.Request)
            ? Results.Problem(CommandError.Forbidden.Message, statusCode: StatusCodes.Status403Forbidden).ExecuteAsync(context)
            : _inner.HandleAsync(next, context, policy, authorizeResult);
}
