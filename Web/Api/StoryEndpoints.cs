using System.Security.Claims;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Machines.Commands;
using Hyperpatch.Web.Machines.Stepping;
using Hyperpatch.Web.Machines.Stories;
using Hyperpatch.Web.Startup;

namespace Hyperpatch.Web.Api;

/// <summary>What just happened: one exit told step by step, and the latest single steps.</summary>
internal static class StoryEndpoints
{
    /// <summary>Maps the calls.</summary>
    public static void MapStories(this RouteGroupBuilder machines)
    {
        machines.MapGet("/{id}/story", Tell)
            .WithName("TellStory").WithSummary("One exit told step by step: the latest patch or other #UD, or the exit of a number (?event=SEQUENCE).")
            .WithQueryNumber("event", "Number of the exit in the machine's history.", 1, null)
            .Produces<Story>().ProducesValidationProblem().ProducesProblem(404);
        machines.MapGet("/{id}/steps", (ClaimsPrincipal user, MachineCommands commands, string id) => ApiResults.Of(commands.Get(user, id), machine => machine.Steps.Steps))
            .WithName("ListSteps").WithSummary("The latest single steps of a paused machine, oldest first, with the registers that they changed.")
            .Produces<IReadOnlyList<StepView>>().ProducesProblem(404);
    }

    private static IResult Tell(ClaimsPrincipal user, MachineCommands commands, string id, HttpRequest request)
    {
        if (!commands.Get(user, id).Succeeded(out ManagedMachine? machine, out CommandError? error))
        {
            return ApiResults.Problem(error);
        }

        var query = new QueryFields(request.Query);
        long? sequence = query.Integer("event", 1, long.MaxValue);
        return query.Refusal is { } refusal ? ApiResults.Problem(refusal)
            : StoryTeller.Tell(machine.Machine, sequence) is { } story ? Results.Ok(story)
            : ApiResults.Problem(new CommandError(
                CommandErrorKind.NotFound, sequence is null ? "Nothing has been patched or refused yet." : $"Exit {sequence} is not in the machine's history (any more)."));
    }
}
