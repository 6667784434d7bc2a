using System.Security.Claims;
using Hyperpatch.Web.Machines.Commands;
using Hyperpatch.Web.Machines.Views;
using Hyperpatch.Web.Security;

namespace Hyperpatch.Web.Api;

/// <summary>/api/machines/{id}/pause-points: at what a machine pauses by itself.</summary>
internal static class PausePointEndpoints
{
    private const string Path = "/{id}/pause-points";

    /// <summary>Maps the calls.</summary>
    public static void MapPausePoints(this RouteGroupBuilder machines)
    {
        machines.MapGet(Path, (ClaimsPrincipal user, MachineCommands commands, string id) => ApiResults.Of(commands.PausePoints(user, id), points => points))
            .WithName("ListPausePoints").WithSummary("At what a machine pauses by itself.").Produces<IReadOnlyList<PausePointView>>().ProducesProblem(404);
        machines.MapPost(Path, AddAsync)
            .RequireAuthorization(AccessPolicies.Operator).WithName("AddPausePoint")
            .WithSummary("Adds a pause point: an address, the next exit of a reason, a hypercall's number, the next patch, the next #UD given to the guest.")
            .Accepts<PausePointRequest>("application/json").ProducesProblem(413).Produces<PausePointView>(StatusCodes.Status201Created)
            .ProducesValidationProblem().ProducesProblem(403).ProducesProblem(404).ProducesProblem(409);
        machines.MapPut(Path, SetAsync)
            .RequireAuthorization(AccessPolicies.Operator).WithName("SetPausePoints").WithSummary("Takes these pause points, at most 64, in the place of all before.")
            .Accepts<PausePointsBody>("application/json").ProducesProblem(413).Produces<IReadOnlyList<PausePointView>>()
            .ProducesValidationProblem().ProducesProblem(403).ProducesProblem(404).ProducesProblem(409);
        machines.MapDelete(Path, (ClaimsPrincipal user, MachineCommands commands, string id) => DeleteAsync(commands.SetPausePointsAsync(user, id, [])))
            .RequireAuthorization(AccessPolicies.Operator).WithName("DeletePausePoints").WithSummary("Removes all pause points.")
            .Produces(StatusCodes.Status204NoContent).ProducesProblem(403).ProducesProblem(404).ProducesProblem(409);
        machines.MapDelete(Path + "/{point:int}", (ClaimsPrincipal user, MachineCommands commands, string id, int point) => DeleteAsync(commands.RemovePausePointAsync(user, id, point)))
            .RequireAuthorization(AccessPolicies.Operator).WithName("DeletePausePoint").WithSummary("Removes one pause point.")
            .Produces(StatusCodes.Status204NoContent).ProducesProblem(403).ProducesProblem(404).ProducesProblem(409);
    }

    private static async Task<IResult> AddAsync(ClaimsPrincipal user, MachineCommands commands, string id, HttpRequest request)
    {
        if (!(await JsonBody.ReadAsync<PausePointRequest>(request)).Succeeded(out PausePointRequest? wanted, out CommandError? error))
        {
            return ApiResults.Problem(error);
        }

        return (await commands.AddPausePointAsync(user, id, wanted)).Succeeded(out PausePointView? point, out error)
            ? Results.Created($"/api/machines/{id}/pause-points/{point.Id}", point)
            : ApiResults.Problem(error);
    }

    private static async Task<IResult> SetAsync(ClaimsPrincipal user, MachineCommands commands, string id, HttpRequest request) =>
        (await JsonBody.ReadAsync<PausePointsBody>(request)).Succeeded(out PausePointsBody? body, out CommandError? error)
            ? ApiResults.Of(await commands.SetPausePointsAsync(user, id, body.Points), points => points)
            : ApiResults.Problem(error);

    private static async Task<IResult> DeleteAsync<T>(Task<CommandResult<T>> command) where T : class =>
        ApiResults.NoContent(await command);
}
