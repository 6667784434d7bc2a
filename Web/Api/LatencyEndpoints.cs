using System.Security.Claims;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Web.Components.Machines;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Machines.Commands;
using Hyperpatch.Web.Machines.Views;
using Hyperpatch.Web.Security;
using Hyperpatch.Web.Startup;

namespace Hyperpatch.Web.Api;

/// <summary>How long exits and hypercalls took.</summary>
internal static class LatencyEndpoints
{
    /// <summary>Maps the calls.</summary>
    public static void MapLatency(this RouteGroupBuilder machines)
    {
        Describe(machines.MapGet("/{id}/latency", Report), $"{Ranges}, or {LatencyReport.SinceStart} (where it is not given): since the machine was made.")
            .WithName("GetLatency").WithSummary("Handling times by exit reason in nanoseconds, percentiles and histogram: ?reason=&range=. Percentiles are off by at most errorBound of the exact ones.")
            .Produces<LatencyReport>();
        Describe(machines.MapGet("/{id}/latency/history", Map), $"{Ranges}; {ChartRange.All[0].Id} where it is not given.")
            .WithName("GetLatencyHistory").WithSummary("Handling times over time, for a heat map: ?reason=&range=. A column a second up to ten minutes, else every five seconds.")
            .Produces<LatencyMap>().ProducesProblem(429)
            .RequireRateLimiting(AccessSetup.HistoryRateLimit);
        machines.MapGet("/{id}/hypercalls", (ClaimsPrincipal user, MachineCommands commands, string id) => ApiResults.Of(commands.Get(user, id), Calls))
            .WithName("ListHypercalls").WithSummary("Hypercalls by number: count, arguments and result of the latest, handling times in nanoseconds.")
            .Produces<IReadOnlyList<HypercallView>>().ProducesProblem(404);
    }

    private static string Ranges => string.Join(", ", ChartRange.All.Select(range => range.Id));

    private static RouteHandlerBuilder Describe(RouteHandlerBuilder route, string range) => route
        .WithQueryWord("reason", "Exits of this kind alone.")
        .WithQueryWord("range", $"The time up to now: {range}")
        .ProducesValidationProblem().ProducesProblem(404);

    private static object Calls(ManagedMachine machine) => machine.Machine.LatestFrame?.Hypercalls ?? [];

    private static IResult Report(ClaimsPrincipal user, MachineCommands commands, string id, HttpRequest request) =>
        Look(user, commands, id, request, mayBeAll: true, (machine, range, reason) => new LatencyReport(
            range?.Id ?? LatencyReport.SinceStart,
            MomentClock.Shared.NowUnixMs,
            range is null ? LatencyViews.SinceStart(machine.Machine, reason) : LatencyViews.Lately(machine.Machine, range.Span, reason)));

    private static IResult Map(ClaimsPrincipal user, MachineCommands commands, string id, HttpRequest request) =>
        Look(user, commands, id, request, mayBeAll: false, (machine, given, reason) =>
        {
            ChartRange range = given ?? ChartRange.All[0];
            IReadOnlyList<LatencyColumn> columns = machine.Machine.Latency.Read(range.Span, LatencyViews.Begin(range.Span), reason);
            return new LatencyMap(range.Id, reason?.Name(), [.. columns.Select(LatencyMapColumn.Of)]);
        });

    private static IResult Look(
        ClaimsPrincipal user, MachineCommands commands, string id, HttpRequest request, bool mayBeAll, Func<ManagedMachine, ChartRange?, ExitReason?, object> look)
    {
        if (!commands.Get(user, id).Succeeded(out ManagedMachine? machine, out CommandError? error))
        {
            return ApiResults.Problem(error);
        }

        var query = new QueryFields(request.Query);
        ExitFilter filter = ExitFilterQuery.Parse(name => name == "reason" ? query.Word(name) : null, machine.ProcessorCount, query.Errors);
        string? word = query.Word("range");
        ChartRange? range = ChartRange.Find(word);
        if (word is not null && range is null && !(mayBeAll && string.Equals(word, LatencyReport.SinceStart, StringComparison.OrdinalIgnoreCase)))
        {
            query.Errors["range"] = [QueryWords.NotAllowed("range", word, mayBeAll ? $"{Ranges}, {LatencyReport.SinceStart}" : Ranges)];
        }

        return query.Refusal is { } refusal ? ApiResults.Problem(refusal) : Results.Ok(look(machine, range, filter.Reason));
    }
}
