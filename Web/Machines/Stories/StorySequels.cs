using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Machine.Frames;

namespace Hyperpatch.Web.Machines.Stories;

/// <summary>What came of it.</summary>
internal static class StorySequels
{
    private const string Id = "sequel";

    /// <summary>The step.</summary>
    /// <param name="record">The exit.</param>
    /// <param name="next">The same processor's next exit, or null while there was none.</param>
    /// <param name="level">How hypercalls are intercepted.</param>
    public static StoryStep Sequel(in ExitRecord record, ExitRecord? next, InterceptionLevel level) => record.Outcome switch
    {
        InterceptionOutcome.Patched => Again(record, next, level),
        InterceptionOutcome.Emulated or InterceptionOutcome.EmulatedReadOnly => new StoryStep(
            Id, "The guest goes on behind the instruction", "It is not executed again. The next time the guest comes by, all of this happens once more, for the byte is as it was.", []),
        InterceptionOutcome.PageFault or InterceptionOutcome.FetchFault => Handler(record, next, "page fault"),
        _ => Handler(record, next, "#UD"),
    };

    private static StoryStep Again(in ExitRecord record, ExitRecord? next, InterceptionLevel level)
    {
        if (next is not { } after)
        {
            return new StoryStep(
                Id,
                "The same instruction is executed again",
                "RIP still points at it, so it comes next. While the machine is paused that is still to come: press Step.",
                [])
            { IsPending = true };
        }

        if (after.Linear == record.Linear && after.Outcome == InterceptionOutcome.Served)
        {
            ExitEvent call = ExitEvents.Describe(after);
            return new StoryStep(
                Id,
                "The same instruction was executed again, and this time it was a hypercall",
                "RIP had not moved, so the processor came by once more and found its own vendor's form: an exit for a hypercall, which the host served.",
                [.. StoryActions.Call(call), Number(after)])
            { Bytes = call.Bytes };
        }

        if (after.Linear == record.Linear && after.Outcome is not (InterceptionOutcome.None or InterceptionOutcome.Served))
        {
            return new StoryStep(
                Id,
                "The same instruction was executed again, and was wrong again",
                "Between the two the vendor was switched, or the guest wrote the old byte back.",
                [Number(after)]);
        }

        return new StoryStep(
            Id,
            "The same instruction was executed again",
            level == InterceptionLevel.Native
                ? "This time it was in the right form, and the host's kernel served the call without telling (level native). What is known is the next exit of this vCPU."
                : "Nothing more is known of it than the next exit of this vCPU.",
            [.. Next(after)]);
    }

    private static StoryStep Handler(in ExitRecord record, ExitRecord? next, string fault)
    {
        string where = $"The processor goes on in the guest's own handler for it, with the address {ExitEvents.Hex(record.Rip)} on the stack.";
        return next is not { } after
            ? new StoryStep(Id, $"The guest's handler takes the {fault}", where + " Nothing has come back from there yet.", []) { IsPending = true }
            : after.Linear == record.Linear && after.Outcome is not (InterceptionOutcome.None or InterceptionOutcome.Served)
                ? new StoryStep(Id, $"The guest's handler took the {fault}, and tried the same again", where, [.. Next(after)])
                : new StoryStep(Id, $"The guest's handler took the {fault}", where, [.. Next(after)]);
    }

    private static IEnumerable<StoryFact> Next(in ExitRecord after)
    {
        ExitEvent next = ExitEvents.Describe(after);
        return [new StoryFact("Next exit", next.Reason, "What this vCPU came back to the host for next."), new StoryFact("RIP", next.Rip), Number(after)];
    }

    private static StoryFact Number(in ExitRecord after) =>
        new("Exit", after.Sequence.ToString(System.Globalization.CultureInfo.InvariantCulture), "Its number in the machine's history.");
}
