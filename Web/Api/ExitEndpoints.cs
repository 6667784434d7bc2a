using System.Globalization;
using System.Security.Claims;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Web.Export;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Machines.Commands;
using Hyperpatch.Web.Security;
using Hyperpatch.Web.Startup;

namespace Hyperpatch.Web.Api;

/// <summary>Recorded exits: page by page, and as a file.</summary>
internal static class ExitEndpoints
{
    private const int DefaultLimit = 100;
    private const int MaximumLimit = 1000;
    private const int MaximumProcessors = 64;

    /// <summary>Maps the calls.</summary>
    public static void MapExits(this RouteGroupBuilder machines)
    {
        DescribeFilter(machines.MapGet("/{id}/exits", List))
            .WithName("ListExits").WithSummary("Recorded exits, oldest first: ?after=SEQUENCE&limit=1..1000&reason=&processor=&ripFrom=&ripTo=&port=&hypercall=. Gaps in the sequence numbers are exits of other kinds.")
            .WithQueryNumber("after", "Exits with greater sequence numbers.", 0, null)
            .WithQueryNumber("limit", "At most so many; 100 where it is not given.", 1, MaximumLimit)
            .Produces<IReadOnlyList<ExitEvent>>().ProducesValidationProblem().ProducesProblem(404).ProducesProblem(429)
            .RequireRateLimiting(AccessSetup.HistoryRateLimit);
        DescribeFilter(machines.MapGet("/{id}/export", Export))
            .WithName("ExportExits").WithSummary("The recorded exits as a file: ?format=jsonl, csv or chrome-trace (opens in Perfetto), and the filters of the list.")
            .WithQueryWord("format", "jsonl (where it is not given), csv or chrome-trace.")
            .Produces<string>(200, "application/jsonl", "text/csv", "application/json").ProducesValidationProblem().ProducesProblem(404).ProducesProblem(429)
            .RequireRateLimiting(AccessSetup.HistoryRateLimit);
    }

    private static RouteHandlerBuilder DescribeFilter(RouteHandlerBuilder route) => route
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
        return query.Errors.Count > 0
            ? ApiResults.Problem(CommandError.Invalid(query.Errors))
            : Results.Ok(machine.Exits(after, (int)limit, filter));
    }

    private static IResult Export(ClaimsPrincipal user, MachineCommands commands, string id, HttpRequest request, CancellationToken aborted)
    {
        if (!commands.Get(user, id).Succeeded(out ManagedMachine? machine, out CommandError? error))
        {
            return ApiResults.Problem(error);
        }

        var query = new QueryFields(request.Query);
        string format = query.Word("format") ?? "jsonl";
        ExitFilter filter = ExitFilterQuery.Parse(query.Word, MaximumProcessors, query.Errors);
        ExportFormat? wanted = format.ToLowerInvariant() switch
        {
            "jsonl" => ExportFormat.Jsonl,
            "csv" => ExportFormat.Csv,
            "chrome-trace" => ExportFormat.ChromeTrace,
            _ => null,
        };
        if (wanted is not { } chosen)
        {
            query.Errors["format"] = [$"Parameter \"format\" is \"{format}\"; allowed: jsonl, csv, chrome-trace."];
            return ApiResults.Problem(CommandError.Invalid(query.Errors));
        }

        if (query.Errors.Count > 0)
        {
            return ApiResults.Problem(CommandError.Invalid(query.Errors));
        }

        (string contentType, string extension) = ExitExport.Describe(chosen);
        string fileName = string.Create(CultureInfo.InvariantCulture, $"hyperpatch-{machine.Id}-{DateTime.UtcNow:yyyyMMdd-HHmmss}.{extension}");
        return Results.Stream(
            stream => ExitExport.WriteAsync(stream, chosen, machine.Name, machine.ProcessorCount, machine.History(filter), aborted), contentType, fileName);
    }
}
