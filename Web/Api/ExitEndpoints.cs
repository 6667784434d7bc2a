using System.Globalization;
using System.Security.Claims;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Web.Configuration;
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

    /// <summary>Maps the calls.</summary>
    public static void MapExits(this RouteGroupBuilder machines)
    {
        machines.MapGet("/{id}/exits", List)
            .WithName("ListExits").WithSummary("Recorded exits, oldest first: ?after=SEQUENCE&limit=1..1000&reason=&processor=. Gaps in the sequence numbers are exits of other kinds.")
            .WithQueryNumber("after", "Exits with greater sequence numbers.", 0, null)
            .WithQueryNumber("limit", "At most so many; 100 where it is not given.", 1, MaximumLimit)
            .WithQueryNumber("processor", "This processor's alone.", 0, 63)
            .WithQueryWord("reason", "Exits of this kind alone.")
            .Produces<IReadOnlyList<ExitEvent>>().ProducesValidationProblem().ProducesProblem(404).ProducesProblem(429)
            .RequireRateLimiting(AccessSetup.HistoryRateLimit);
        machines.MapGet("/{id}/export", Export)
            .WithName("ExportExits").WithSummary("The recorded exits as a file: ?format=jsonl, csv or chrome-trace (opens in Perfetto).")
            .Produces<string>(200, "application/jsonl", "text/csv", "application/json").ProducesValidationProblem().ProducesProblem(404).ProducesProblem(429)
            .RequireRateLimiting(AccessSetup.HistoryRateLimit);
    }

    private static IResult List(ClaimsPrincipal user, MachineCommands commands, string id, HttpRequest request)
    {
        if (!commands.Get(user, id).Succeeded(out ManagedMachine? machine, out CommandError? error))
        {
            return ApiResults.Problem(error);
        }

        var query = new QueryFields(request.Query);
        long after = query.Integer("after", 0, long.MaxValue) ?? 0;
        long limit = query.Integer("limit", 1, MaximumLimit) ?? DefaultLimit;
        long? processor = query.Integer("processor", 0, 63);
        ExitReason? reason = null;
        if (query.Word("reason") is { } word)
        {
            if (Words.TryParse(word, out ExitReason parsed) && parsed != ExitReason.None)
            {
                reason = parsed;
            }
            else
            {
                query.Errors["reason"] = [$"Parameter \"reason\" is \"{word}\"; allowed: {string.Join(", ", Enum.GetNames<ExitReason>().Skip(1))}."];
            }
        }

        return query.Errors.Count > 0
            ? ApiResults.Problem(CommandError.Invalid(query.Errors))
            : Results.Ok(machine.Exits(after, (int)limit, reason, (int?)processor));
    }

    private static IResult Export(ClaimsPrincipal user, MachineCommands commands, string id, string? format, CancellationToken aborted)
    {
        if (!commands.Get(user, id).Succeeded(out ManagedMachine? machine, out CommandError? error))
        {
            return ApiResults.Problem(error);
        }

        ExportFormat? wanted = (format ?? "jsonl").ToLowerInvariant() switch
        {
            "jsonl" => ExportFormat.Jsonl,
            "csv" => ExportFormat.Csv,
            "chrome-trace" => ExportFormat.ChromeTrace,
            _ => null,
        };
        if (wanted is not { } chosen)
        {
            return ApiResults.Problem(CommandError.Invalid("format", $"Parameter \"format\" is \"{format}\"; allowed: jsonl, csv, chrome-trace."));
        }

        (string contentType, string extension) = ExitExport.Describe(chosen);
        string fileName = string.Create(CultureInfo.InvariantCulture, $"hyperpatch-{machine.Id}-{DateTime.UtcNow:yyyyMMdd-HHmmss}.{extension}");
        return Results.Stream(
            stream => ExitExport.WriteAsync(stream, chosen, machine.Name, machine.ProcessorCount, machine.History(), aborted), contentType, fileName);
    }
}
