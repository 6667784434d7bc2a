using System.Security.Claims;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Web.Export;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Machines.Commands;
using Hyperpatch.Web.Machines.HostKvm;
using Hyperpatch.Web.Machines.Inspection;
using Hyperpatch.Web.Machines.Views;
using Hyperpatch.Web.Security;
using Hyperpatch.Web.Startup;

namespace Hyperpatch.Web.Api;

/// <summary>Tables as files. Whoever may watch may have them; they are sent a part at a time.</summary>
internal static class ExportEndpoints
{
    private const int MostMachines = 64;
    private static readonly string[] s_tables = [.. MachineTables.Names, .. MemoryTables.Names];

    /// <summary>Maps the calls below /api/machines.</summary>
    public static void MapExports(this RouteGroupBuilder machines)
    {
        ExitEndpoints.DescribeFilter(machines.MapGet("/{id}/export", OfMachine))
            .WithName("ExportTable").WithSummary($"A table of the machine as a file: ?table={string.Join('|', s_tables)}&format=jsonl, csv or chrome-trace (opens in Perfetto).")
            .WithQueryWord("table", $"{MachineTables.Exits} (where it is not given: the recorded exits, with the filters of the list), or one of {string.Join(", ", s_tables.Skip(1))}.")
            .WithQueryWord("format", $"jsonl (where it is not given) or csv; chrome-trace for the tables {string.Join(", ", MachineTables.Traced)}.")
            .WithQueryNumber("site", "Table history: this site's alone.", 1, null)
            .WithQueryNumber("seconds", "Tables rates, latency, latency-histogram, latency-history: so much time up to now; all that there is where it is not given.", 1, MachineTables.MostSeconds)
            .WithQueryWord("address", $"Tables {string.Join(", ", MemoryTables.Names)}: {GuestAddress.Form}; rip where it is not given.")
            .WithQueryWord("space", "Tables memory and disassembly: virtual (where it is not given) or physical.")
            .WithQueryNumber("length", $"Table memory: bytes; {MemoryEndpoints.DefaultLength} where it is not given.", 1, MachineInspector.MaximumLength)
            .WithQueryNumber("count", $"Table disassembly: instructions; {MemoryEndpoints.DefaultCount} where it is not given.", 1, MachineInspector.MaximumCount)
            .Produces<string>(200, "application/jsonl", "text/csv", "application/json").ProducesValidationProblem().ProducesProblem(404).ProducesProblem(409).ProducesProblem(429)
            .RequireRateLimiting(AccessSetup.HistoryRateLimit);
        machines.MapGet("/export", OfMachines)
            .WithName("ExportMachines").WithSummary("The machines as a file, a row each: ?format=jsonl or csv&id=.")
            .WithQueryWord("format", "jsonl (where it is not given) or csv.")
            .WithQueryWord("id", "This machine alone; may be given several times.")
            .Produces<string>(200, "application/jsonl", "text/csv").ProducesValidationProblem();
    }

    /// <summary>Maps the calls for what there is of the host, below /api.</summary>
    public static void MapHostExports(this RouteGroupBuilder api)
    {
        Describe(api.MapGet("/host/export", (AcceleratorSet accelerators, HttpRequest request, CancellationToken aborted) => OfHost("host", () => HostTables.Facts(accelerators.View()), request, aborted)))
            .WithName("ExportHost").WithSummary("What this host is as a file, a row a fact: ?format=jsonl or csv.");
        Describe(api.MapGet("/host/kvm/export", (KvmHostMonitor monitor, HttpRequest request, CancellationToken aborted) => OfHost("kvm", () => HostTables.Kvm(monitor.View()), request, aborted)))
            .WithName("ExportKvm").WithSummary("KVM's own counters as a file, a row each: ?format=jsonl or csv.");
        Describe(api.MapGet("/host/probe/export", (AcceleratorSet accelerators, HttpRequest request, CancellationToken aborted) => OfHost("probe", () => HostTables.Probe(accelerators.View()), request, aborted)))
            .WithName("ExportProbe").WithSummary("What each instruction did in a guest on this host as a file, a row each: ?format=jsonl or csv.");

        static RouteHandlerBuilder Describe(RouteHandlerBuilder route) => route
            .WithTags("Host").WithQueryWord("format", "jsonl (where it is not given) or csv.")
            .Produces<string>(200, "application/jsonl", "text/csv").ProducesValidationProblem();
    }

    private static IResult OfMachine(ClaimsPrincipal user, MachineCommands commands, string id, HttpRequest request, CancellationToken aborted)
    {
        if (!commands.Get(user, id).Succeeded(out ManagedMachine? machine, out CommandError? error))
        {
            return ApiResults.Problem(error);
        }

        var query = new QueryFields(request.Query);
        string table = query.Word("table") ?? MachineTables.Exits;
        if (!s_tables.Contains(table))
        {
            query.Errors["table"] = [QueryWords.NotAllowed("table", table, s_tables)];
        }

        ExportFormat format = Format(query, MachineTables.Traced.Contains(table) ? ExportFormats.All : ExportFormats.Plain);
        if (MemoryTables.Names.Contains(table))
        {
            return OfMemory(query, machine, table, format, aborted);
        }

        ExitFilter filter = ExitFilterQuery.Parse(query.Word, ExitEndpoints.MaximumProcessors, query.Errors);
        int? seconds = (int?)query.Integer("seconds", 1, MachineTables.MostSeconds);
        HypercallSite? site = query.Integer("site", 1, int.MaxValue) is { } number ? machine.Machine.Sites.Find((int)number) : null;
        if (site is null && query.Word("site") is { } wanted && !query.Errors.ContainsKey("site"))
        {
            query.Errors["site"] = [$"There is no site {wanted}. After a reset of the guest, sites are counted anew."];
        }

        if (query.Refusal is { } refusal)
        {
            return ApiResults.Problem(refusal);
        }

        string subject = $"{machine.Id}-{table}";
        if (table == MachineTables.Exits)
        {
            return Results.Stream(
                stream => ExitExport.WriteAsync(stream, format, machine.Name, machine.ProcessorCount, machine.History(filter), aborted),
                ExportFormats.ContentType(format),
                ExportFormats.FileName(subject, format));
        }

        return File(MachineTables.Make(table, new MachineTableRequest(machine, site, seconds, filter.Reason)), format, site is null ? subject : $"{subject}-{site.Id}", machine, aborted);
    }

    private static IResult OfMemory(QueryFields query, ManagedMachine machine, string name, ExportFormat format, CancellationToken aborted)
    {
        int length = (int)(query.Integer("length", 1, MachineInspector.MaximumLength) ?? MemoryEndpoints.DefaultLength);
        int count = (int)(query.Integer("count", 1, MachineInspector.MaximumCount) ?? MemoryEndpoints.DefaultCount);
        if (!MemoryPlace.Read(query, machine).Succeeded(out MemoryPlace? place, out CommandError? error))
        {
            return ApiResults.Problem(error);
        }

        (MachineInspector inspector, ulong address, AddressSpace space) = place;
        ExportTable? table = name switch
        {
            MemoryTables.Bytes => MemoryTables.OfBytes(address, inspector.Memory(address, length, space)),
            MemoryTables.Disassembly => MemoryTables.OfCode(inspector.Disassemble(address, count, space)),
            _ when space == AddressSpace.Physical => null,
            _ => inspector.Translate(address) is { } walk ? MemoryTables.OfWalk(walk) : null,
        };
        return table is not null ? File(table, format, $"{machine.Id}-{name}", machine, aborted)
            : space == AddressSpace.Physical ? ApiResults.Problem(CommandError.Invalid("space", "A page walk begins at a virtual address: leave space out, or say virtual."))
            : ApiResults.Problem(CommandError.NotFound(machine.Id));
    }

    private static IResult OfMachines(ClaimsPrincipal user, MachineCommands commands, HttpRequest request, CancellationToken aborted)
    {
        var query = new QueryFields(request.Query);
        ExportFormat format = Format(query, ExportFormats.Plain);
        string?[] ids = [.. request.Query["id"].Where(id => !string.IsNullOrEmpty(id)).Take(MostMachines)];
        IReadOnlyList<MachineView> machines = commands.List(user);
        return query.Refusal is { } refusal
            ? ApiResults.Problem(refusal)
            : File(HostTables.Machines(ids.Length == 0 ? machines : machines.Where(view => ids.Contains(view.Id))), format, "machines", null, aborted);
    }

    private static IResult OfHost(string subject, Func<ExportTable> make, HttpRequest request, CancellationToken aborted)
    {
        var query = new QueryFields(request.Query);
        ExportFormat format = Format(query, ExportFormats.Plain);
        return query.Refusal is { } refusal ? ApiResults.Problem(refusal) : File(make(), format, subject, null, aborted);
    }

    private static IResult File(ExportTable table, ExportFormat format, string subject, ManagedMachine? machine, CancellationToken aborted) => Results.Stream(
        stream => TableExport.WriteAsync(stream, format, machine?.Name ?? "", machine?.ProcessorCount ?? 0, table, aborted),
        ExportFormats.ContentType(format),
        ExportFormats.FileName(subject, format));

    private static ExportFormat Format(QueryFields query, IReadOnlyList<string> allowed)
    {
        string word = query.Word("format") ?? ExportFormats.Default;
        if (allowed.Contains(word, StringComparer.OrdinalIgnoreCase) && ExportFormats.Find(word) is { } format)
        {
            return format;
        }

        query.Errors["format"] = [QueryWords.NotAllowed("format", word, allowed)];
        return default;
    }
}
