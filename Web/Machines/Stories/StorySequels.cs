using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Web.Texts;

namespace Hyperpatch.Web.Machines.Stories;

/// <summary>What came of it.</summary>
internal static class StorySequels
{
    private const string Id = "sequel";

    /// <summary>The step.</summary>
    /// <param name="record">The exit.</param>
    /// <param name="next">The same processor's next exit, or null while there was none.</param>
    /// <param name="level">How hypercalls are intercepted.</param>
    /// <param name="outlook">What may still come where there was no next exit.</param>
    public static StoryStep Sequel(in ExitRecord record, ExitRecord? next, InterceptionLevel level, StoryOutlook outlook) => record.Outcome switch
    {
        InterceptionOutcome.Patched => Again(record, next, level, outlook),
        InterceptionOutcome.Emulated or InterceptionOutcome.EmulatedReadOnly => new StoryStep(
            Id, StoryTexts.GoesOnBehind, StoryTexts.GoesOnBehindText, []),
        InterceptionOutcome.PageFault => Handler(record, next, outlook, StoryTexts.PageFault),
        InterceptionOutcome.FetchFault => Handler(record, next, outlook, StoryTexts.FaultOfTheFetch),
        _ => Handler(record, next, outlook, "#UD"),
    };

    private static StoryStep Again(in ExitRecord record, ExitRecord? next, InterceptionLevel level, StoryOutlook outlook)
    {
        if (next is not { } after)
        {
            return outlook switch
            {
                StoryOutlook.Nothing => new StoryStep(Id, StoryTexts.AgainWasToBe, StoryTexts.SequelNotKnown, []),
                StoryOutlook.Paused => new StoryStep(
                    Id, StoryTexts.AgainPending, StoryTexts.AgainPausedText, [])
                { IsPending = true },
                _ when level == InterceptionLevel.Native => new StoryStep(
                    Id, StoryTexts.AgainPending, StoryTexts.AgainNativeText, []),
                _ => new StoryStep(Id, StoryTexts.AgainPending, StoryTexts.AgainPendingText, []) { IsPending = true },
            };
        }

        if (after.Linear == record.Linear && after.Outcome == InterceptionOutcome.Served)
        {
            ExitEvent call = ExitEvents.Describe(after);
            return new StoryStep(
                Id,
                StoryTexts.AgainServed,
                StoryTexts.AgainServedText,
                [.. StoryActions.Call(call), Number(after)])
            { Bytes = call.Bytes };
        }

        if (after.Linear == record.Linear && after.Outcome is not (InterceptionOutcome.None or InterceptionOutcome.Served))
        {
            return new StoryStep(
                Id,
                StoryTexts.AgainWrong,
                StoryTexts.AgainWrongText,
                [Number(after)]);
        }

        return level == InterceptionLevel.Native
            ? new StoryStep(
                Id,
                StoryTexts.Again,
                StoryTexts.AgainInKernelText,
                [.. Next(after)])
            : new StoryStep(
                Id,
                StoryTexts.SomethingElseFirst,
                StoryTexts.SomethingElseFirstText,
                [.. Next(after)]);
    }

    private static StoryStep Handler(in ExitRecord record, ExitRecord? next, StoryOutlook outlook, string fault)
    {
        if (next is { Reason: ExitReason.Shutdown } end)
        {
            return new StoryStep(
                Id,
                Phrase.Of(StoryTexts.ShutDown, fault),
                StoryTexts.ShutDownText,
                [.. Next(end)]);
        }

        if (next is null && outlook == StoryOutlook.Nothing)
        {
            return new StoryStep(Id, Phrase.Of(StoryTexts.WasGivenTheFault, fault), StoryTexts.SequelNotKnown, []);
        }

        string where = Phrase.Of(StoryTexts.GoesOnInHandler, ExitEvents.Hex(record.Rip));
        return next is not { } after
            ? new StoryStep(Id, Phrase.Of(StoryTexts.HandlerTakes, fault), where + StoryTexts.NothingCameBackYet, []) { IsPending = true }
            : after.Linear == record.Linear && after.Outcome is not (InterceptionOutcome.None or InterceptionOutcome.Served)
                ? new StoryStep(Id, Phrase.Of(StoryTexts.HandlerTriedAgain, fault), where, [.. Next(after)])
                : new StoryStep(Id, Phrase.Of(StoryTexts.HandlerTook, fault), where, [.. Next(after)]);
    }

    private static IEnumerable<StoryFact> Next(in ExitRecord after)
    {
        ExitEvent next = ExitEvents.Describe(after);
        return [new StoryFact(StoryTexts.NextExit, next.Reason, StoryTexts.NextExitHelp), new StoryFact("RIP", next.Rip), Number(after)];
    }

    private static StoryFact Number(in ExitRecord after) =>
        new(StoryTexts.Exit, after.Sequence.ToString(System.Globalization.CultureInfo.InvariantCulture), StoryTexts.ExitHelp);
}
