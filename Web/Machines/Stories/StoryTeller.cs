using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Web.Texts;

namespace Hyperpatch.Web.Machines.Stories;

/// <summary>Tells what happened at one exit: the latest interception, or the exit of a number.</summary>
public static class StoryTeller
{
    /// <summary>Tells it.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="sequence">Number of the exit in the machine's history; null: the latest interception other than a served hypercall.</param>
    /// <returns>Null when there is none, or it is not kept any more.</returns>
    public static Story? Tell(VirtualMachine machine, long? sequence)
    {
        ArgumentNullException.ThrowIfNull(machine);
        NotableExit? notable = machine.Journal.FindNotable(sequence, out long? previous, out long? following);
        ExitRecord record;
        if (notable is { } kept)
        {
            record = kept.Exit;
        }
        else if (sequence is { } wanted && FindPlain(machine, wanted) is { } plain)
        {
            record = plain;
        }
        else
        {
            return null;
        }

        int bits = machine.Processors[record.Processor].Snapshot?.CodeBits is { } known and > 0 ? known : 64;
        StoryOutlook outlook = notable is { IsCut: true } ? StoryOutlook.Nothing : machine.State switch
        {
            MachineState.Running => StoryOutlook.Running,
            MachineState.Stopped or MachineState.Failed => StoryOutlook.Nothing,
            _ => StoryOutlook.Paused,
        };
        return Tell(record, notable is { HasNext: true } told ? told.Next : null, bits, machine.Level, outlook) with { Previous = previous, Following = following };
    }

    /// <summary>Tells what happened at an exit.</summary>
    /// <param name="record">The exit.</param>
    /// <param name="next">The same processor's next exit, or null.</param>
    /// <param name="bits">Width of the guest's code: 16, 32 or 64.</param>
    /// <param name="level">How hypercalls are intercepted.</param>
    /// <param name="outlook">What may still come where there was no next exit.</param>
    public static Story Tell(in ExitRecord record, ExitRecord? next, int bits, InterceptionLevel level, StoryOutlook outlook = StoryOutlook.Paused)
    {
        ExitEvent exit = ExitEvents.Describe(record);
        List<StoryStep> steps = [StorySteps.Exit(record, exit)];
        if (record.Outcome == InterceptionOutcome.None)
        {
            if (exit.Detail.Length > 0)
            {
                steps.Add(new StoryStep("action", StoryTexts.WhatItWasAbout, exit.Detail, []));
            }
        }
        else
        {
            steps.Add(StorySteps.Fetch(record, exit));
            if (record.Outcome != InterceptionOutcome.FetchFault)
            {
                steps.Add(StorySteps.Decode(record, bits));
                if (record.Outcome != InterceptionOutcome.InvalidOpcode)
                {
                    steps.Add(StorySteps.Vendor(record));
                }

                steps.Add(StoryActions.Action(record, exit));
            }

            if (record.Outcome != InterceptionOutcome.Served)
            {
                steps.Add(StorySequels.Sequel(record, next, level, outlook));
            }
        }

        return new Story(exit, StoryTitles.Of(record, exit), record.Cpl, steps, next is { } after ? ExitEvents.Describe(after) : null, null, null);
    }

    private static ExitRecord? FindPlain(VirtualMachine machine, long sequence)
    {
        if (sequence < 1)
        {
            return null;
        }

        Span<ExitRecord> one = new ExitRecord[1];
        return machine.Journal.Read(sequence - 1, one) == 1 && one[0].Sequence == sequence ? one[0] : null;
    }
}
