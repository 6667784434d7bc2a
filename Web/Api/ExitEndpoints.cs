using System.Security.Claims;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Machines.Commands;
using Hyperpatch.Web.Security;
using Hyperpatch.Web.Startup;

namespace Hyperpatch.Web.Api;

/// <summary>Recorded exits, page by page.</summary>
internal static class ExitEndpoints
{
    /// <summary>The most processors that a filter can name: as many as a machine has at most.</summary>
    public const int MaximumProcessors = 64;

    private const int DefaultLimit = 100;
    private const int MaximumLimit = 1000;

    /// <summary>Maps the calls.</summary>
    public static void MapExits(this RouteGroupBuilder machines)
    {
        DescribeFilter(machines.MapGet("/{id}/exits", List))
            .WithName("ListExits").WithSummary("Recorded exits, oldest first: ?after=SEQUENCE&limit=1..1000&reason=&processor=&ripFrom=&ripTo=&port=&hypercall=. Gaps in the sequence numbers are exits of other kinds.")
            .WithQueryNumber("after", "Exits with greater sequence numbers.", 0, null)
            .WithQueryNumber("limit", "At most so many; 100 where it is not given.", 1, MaximumLimit)
            .Produces<IReadOnlyList<ExitEvent>>().ProducesValidationProblem().ProducesProblem(404).ProducesProblem(429)
            .RequireRateLimiting(AccessSetup.HistoryRateLimit);
    }

    /// <summary>Describes the filters that the list and its file have in common.</summary>
    public static RouteHandlerBuilder DescribeFilter(RouteHandlerBuilder route) => route
        .WithQueryNumber("processor", "This processor's alone.", 0, MaximumProcessors - 1)
        .WithQueryWord("reason", "Exits of this kind alone.")
        .WithQueryWord(ExitFilterQuery.RipFrom, $"Lowest RIP: {ExitFilterQuery.RipForm}.")
        .WithQueryWord(ExitFilterQuery.RipTo, "Highest RIP, itself included: likewise.")
        .WithQueryWord(ExitFilterQuery.Port, $"Accesses to this port alone: {ExitFilterQuery.PortForm}.")
        .WithQueryWord(ExitFilterQuery.Hypercall, $"Hypercalls of this number alone: {ExitFilterQuery.HypercallForm}.");

    private static IResult List(ClaimsPrincipal user, MachineCommands commands, string id, HttpRequest request)
    {
        if (!commands.Get(user, id).Succeeded(out ManagedMachine? machine, out CommandError? error))
        {
            return ApiResults.Problem(error);
        }

        var query = new QueryFields(request.Query);
        long after = query.Integer("after", 0, long.MaxValue) ?? 0;
        long limit = query.Integer("limit", 1, MaximumLimit) ?? DefaultLimit;
        ExitFilter filter = ExitFilterQuery.Parse(query.Word, MaximumProcessors, query.Errors);
        return query.Refusal is { } refusal
            ? ApiResults.Problem(refusal)
            : Results.Ok(machine.Exits(after, (int)limit, filter));
    }
}
