using System.Security.Claims;
using Hyperpatch.Web.Machines.Assembling;
using Hyperpatch.Web.Machines.Commands;
using Hyperpatch.Web.Security;
using Microsoft.AspNetCore.Mvc;

namespace Hyperpatch.Web.Api;

/// <summary>/api/assemble: a source becomes bytes.</summary>
internal static class AssembleEndpoints
{
    /// <summary>Maps the call.</summary>
    public static void MapAssemble(this RouteGroupBuilder api) => api.MapPost("/assemble", AssembleAsync)
        .RequireAuthorization(AccessPolicies.Operator).WithTags("Machines").WithName("Assemble")
        .WithSummary("Assembles a source with the host's GNU assembler: bytes and listing, or the mistakes by line.")
        .WithMetadata(new RequestSizeLimitAttribute(GnuAssembler.MaximumMessage)).Accepts<AssembleRequest>("application/json").Produces<AssemblyView>()
        .ProducesValidationProblem().ProducesProblem(403).ProducesProblem(413).ProducesProblem(422).ProducesProblem(429);

    private static async Task<IResult> AssembleAsync(ClaimsPrincipal user, MachineCommands commands, HttpRequest request) =>
        (await JsonBody.ReadAsync<AssembleRequest>(request)).Succeeded(out AssembleRequest? body, out CommandError? error)
            ? ApiResults.Of(await commands.AssembleAsync(user, body), view => view)
            : ApiResults.Problem(error);
}
