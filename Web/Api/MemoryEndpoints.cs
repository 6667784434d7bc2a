using System.Security.Claims;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Machines.Commands;
using Hyperpatch.Web.Machines.Inspection;
using Hyperpatch.Web.Startup;

namespace Hyperpatch.Web.Api;

/// <summary>A guest's memory, its disassembly and its page walks.</summary>
internal static class MemoryEndpoints
{
    /// <summary>Bytes that are read where the query does not say how many.</summary>
    public const int DefaultLength = 256;

    /// <summary>Instructions that are listed where the query does not say how many.</summary>
    public const int DefaultCount = 16;

    /// <summary>Maps the calls.</summary>
    public static void MapMemory(this RouteGroupBuilder machines)
    {
        Describe(machines.MapGet("/{id}/memory", (ClaimsPrincipal user, MachineCommands commands, string id, HttpRequest request) =>
                Look(user, commands, id, request, "length", DefaultLength, MachineInspector.MaximumLength, (inspector, address, length, space) => inspector.Memory(address, length, space)))
            .WithName("ReadMemory").WithSummary("Guest memory: ?address=&length=1..4096&space=virtual or physical&processor=. What cannot be read is ??.")
            .WithQueryNumber("length", $"Bytes; {DefaultLength} where it is not given.", 1, MachineInspector.MaximumLength)
            .WithQueryWord("space", "virtual (where it is not given) or physical.")
            .Produces<MemoryView>());
        Describe(machines.MapGet("/{id}/disassembly", (ClaimsPrincipal user, MachineCommands commands, string id, HttpRequest request) =>
                Look(user, commands, id, request, "count", DefaultCount, MachineInspector.MaximumCount, (inspector, address, count, space) => inspector.Disassemble(address, count, space)))
            .WithName("Disassemble").WithSummary("Disassembled guest memory: ?address=&count=1..256&space=virtual or physical&processor=.")
            .WithQueryNumber("count", $"Instructions; {DefaultCount} where it is not given.", 1, MachineInspector.MaximumCount)
            .WithQueryWord("space", "virtual (where it is not given) or physical.")
            .Produces<DisassemblyView>());
        Describe(machines.MapGet("/{id}/translation", (ClaimsPrincipal user, MachineCommands commands, string id, HttpRequest request) =>
                Look(user, commands, id, request, null, 1, 1, (inspector, address, _, _) => inspector.Translate(address)))
            .WithName("Translate").WithSummary("The page walk of a linear address: ?address=&processor=.")
            .Produces<TranslationView>());
    }

    private static void Describe(RouteHandlerBuilder route) => route
        .WithQueryWord("address", $"Write {GuestAddress.Form}; rip where it is not given.")
        .WithQueryNumber("processor", "By this processor's registers and page tables; 0 where it is not given.", 0, 63)
        .ProducesValidationProblem().ProducesProblem(404).ProducesProblem(409);

    private static IResult Look(
        ClaimsPrincipal user,
        MachineCommands commands,
        string id,
        HttpRequest request,
        string? amountName,
        int defaultAmount,
        int maximumAmount,
        Func<MachineInspector, ulong, int, AddressSpace, object?> look)
    {
        if (!commands.Get(user, id).Succeeded(out ManagedMachine? machine, out CommandError? error))
        {
            return ApiResults.Problem(error);
        }

        var query = new QueryFields(request.Query);
        int amount = amountName is null ? defaultAmount : (int)(query.Integer(amountName, 1, maximumAmount) ?? defaultAmount);
        return !MemoryPlace.Read(query, machine).Succeeded(out MemoryPlace? place, out error) ? ApiResults.Problem(error)
            : look(place.Inspector, place.Address, amount, place.Space) is { } body ? Results.Ok(body)
            : ApiResults.Problem(CommandError.NotFound(id));
    }
}
