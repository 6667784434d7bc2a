using Hyperpatch.Web.Configuration;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Machines.Commands;
using Hyperpatch.Web.Machines.Inspection;

namespace Hyperpatch.Web.Api;

/// <summary>The place in a guest's memory that a query is about.</summary>
/// <param name="Inspector">Looks through the processor's eyes.</param>
/// <param name="Address">The address.</param>
/// <param name="Space">What it means.</param>
internal sealed record MemoryPlace(MachineInspector Inspector, ulong Address, AddressSpace Space)
{
    /// <summary>Reads address, space and processor of a query, or tells what is wrong: also with what was read of it before.</summary>
    /// <param name="query">The query.</param>
    /// <param name="machine">The machine.</param>
    public static CommandResult<MemoryPlace> Read(QueryFields query, ManagedMachine machine)
    {
        int processor = (int)(query.Integer("processor", 0, machine.ProcessorCount - 1) ?? 0);
        AddressSpace space = AddressSpace.Virtual;
        if (query.Word("space") is { } word && !Words.TryParse(word, out space))
        {
            query.Errors["space"] = [QueryWords.NotAllowed("space", word, "virtual, physical")];
        }

        if (query.Refusal is { } refusal)
        {
            return refusal;
        }

        MachineInspector inspector = new(machine.Machine, processor);
        if (space == AddressSpace.Virtual && !inspector.HasRun)
        {
            return new CommandError(
                CommandErrorKind.Conflict, $"Processor {processor} has not run yet, so there is nothing to translate by. Ask for space=physical, or run the machine first.");
        }

        return inspector.TryParse(query.Word("address") ?? "rip", space, out ulong address, out string reason)
            ? new MemoryPlace(inspector, address, space)
            : CommandError.Invalid("address", reason);
    }
}
