using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Machine.Frames;

namespace Hyperpatch.Web.Machines.Stories;

/// <summary>What came of it.</summary>
internal static class StorySequels
{
    private const string Id = "sequel";
    private const string NotKnown = "What came of it is not known: the guest was ended or reset before, or its exits came faster than they are kept.";

    /// <summary>The step.</summary>
    /// <param name="record">The exit.</param>
    /// <param name="next">The same processor's next exit, or null while there was none.</param>
    /// <param name="level">How hypercalls are intercepted.</param>
    /// <param name="outlook">What may still come where there was no next exit.</param>
    public static StoryStep Sequel(in ExitRecord record, ExitRecord? next, InterceptionLevel level, StoryOutlook outlook) => record.Outcome switch
    {
        InterceptionOutcome.Patched => Again(record, next, level, outlook),
        InterceptionOutcome.Emulated or InterceptionOutcome.EmulatedReadOnly => new StoryStep(
            Id, "The guest goes on behind the instruction", "It is not executed again. The next time the guest comes by, all of this happens once more, for the byte is as it was.", []),
        InterceptionOutcome.PageFault => Handler(record, next, outlook, "page fault"),
        InterceptionOutcome.FetchFault => Handler(record, next, outlook, "fault of the fetch"),
        _ => Handler(record, next, outlook, "#UD"),
    };

    private static StoryStep Again(in ExitRecord record, ExitRecord? next, InterceptionLevel level, StoryOutlook outlook)
    {
        if (next is not { } after)
        {
            return outlook switch
            {
                StoryOutlook.Nothing => new StoryStep(Id, "The same instruction was to be executed again", NotKnown, []),
                StoryOutlook.Paused => new StoryStep(
                    Id, "The same instruction is executed again", "RIP still points at it, so it comes next. While the machine is paused that is still to come: press Step.", [])
                { IsPending = true },
                _ when level == InterceptionLevel.Native => new StoryStep(
                    Id, "The same instruction is executed again", "RIP still points at it, so it comes next. At level native the host's kernel may serve the call itself, and then nothing is told of it here.", []),
                _ => new StoryStep(Id, "The same instruction is executed again", "RIP still points at it, so it comes next.", []) { IsPending = true },
            };
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

        return level == InterceptionLevel.Native
            ? new StoryStep(
                Id,
                "The same instruction was executed again",
                "This time it was in the right form, and the host's kernel served the call without telling (level native). What is known is the next exit of this vCPU.",
                [.. Next(after)])
            : new StoryStep(
                Id,
                "Something else came first",
                "RIP still pointed at the instruction, but before it was executed this vCPU came back to the host for something else, such as what an interrupt's handler did. The instruction comes when that is over.",
                [.. Next(after)]);
    }

    private static StoryStep Handler(in ExitRecord record, ExitRecord? next, StoryOutlook outlook, string fault)
    {
        if (next is { Reason: ExitReason.Shutdown } end)
        {
            return new StoryStep(
                Id,
                $"The guest could not take the {fault}: it shut down",
                "Nothing came back from a handler. When neither a fault's handler nor that of the double fault (#DF) behind it can be called, the processor shuts down: a triple fault.",
                [.. Next(end)]);
        }

        if (next is null && outlook == StoryOutlook.Nothing)
        {
            return new StoryStep(Id, $"The guest was given the {fault}", NotKnown, []);
        }

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
