using System.Globalization;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Hypercalls;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Machine.Frames;

namespace Hyperpatch.Web.Machines.Stories;

/// <summary>What the host did, and why.</summary>
internal static class StoryActions
{
    private const string Served = "The host did what the guest asked for, put the result into RAX and went on behind the instruction, as if it had been the right one.";

    /// <summary>The step.</summary>
    public static StoryStep Action(in ExitRecord record, ExitEvent exit)
    {
        StoryFact policy = new("Policy", PolicyNames.Of(record.Policy), Describe(record.Policy));
        return record.Outcome switch
        {
            InterceptionOutcome.Patched => new StoryStep(
                "action",
                $"One byte is written: {record.Before:X2} becomes {record.After:X2}",
                "Nothing else in the guest changes, and RIP stays where it is. From now on the instruction is right for every processor of this guest.",
                [policy])
            { Bytes = exit.Bytes, After = exit.After },
            InterceptionOutcome.Emulated => new StoryStep("action", "Nothing is written: the call is served as it is", Served, [policy, .. Call(exit)]) { Bytes = exit.Bytes },
            InterceptionOutcome.EmulatedReadOnly => new StoryStep(
                "action", "Nothing can be written: the instruction is in ROM", Served, [policy, .. Call(exit)])
            { Bytes = exit.Bytes },
            InterceptionOutcome.Injected => new StoryStep(
                "action", "Nothing is written: the guest gets its #UD", "The policy says that the other vendor's hypercall is the guest's own affair.", [policy]) { Bytes = exit.Bytes },
            InterceptionOutcome.PageFault => new StoryStep(
                "action",
                "Nothing is written: the guest gets a #PF",
                "The guest's page tables forbid writing there, and under this policy the host writes with the guest's own permissions. So the guest gets the page fault that its own write would have raised.",
                [policy])
            { Bytes = exit.Bytes },
            InterceptionOutcome.LoopGuard => new StoryStep(
                "action",
                "Nothing more is written: the guest gets a #UD",
                "The same instruction came back again and again although it was repaired, or it is where no write stays. Before this goes on for ever the guest is told.",
                [policy])
            { Bytes = exit.Bytes },
            InterceptionOutcome.InvalidOpcode => new StoryStep(
                "action", "Nothing is written: the guest gets its #UD", "What is no hypercall is not the host's affair. A real processor would have raised #UD, and so does this one.", []) { Bytes = exit.Bytes },
            _ => new StoryStep("action", "The call is served", "The host did what the guest asked for, put the result into RAX and went on behind the instruction.", Call(exit)),
        };
    }

    /// <summary>Number, arguments and result of a hypercall.</summary>
    public static IReadOnlyList<StoryFact> Call(ExitEvent exit)
    {
        if (exit.Hypercall is not { } number)
        {
            return [];
        }

        List<StoryFact> facts = [new("Hypercall", $"{HypercallNumber.Name((ulong)number)} ({number})", "What the guest asked for: the number in RAX.")];
        string[] registers = ["RBX", "RCX", "RDX", "RSI"];
        facts.AddRange((exit.Arguments ?? []).Zip(registers, (value, register) => new StoryFact(register, value, "An argument. Which of the four a call looks at depends on the call.")));
        if (exit.Result is { } result)
        {
            facts.Add(new StoryFact("Result", result.ToString(CultureInfo.InvariantCulture), "What came back in RAX. Below zero it is an error, as in the kernel."));
        }

        return facts;
    }

    private static string Describe(PatchPolicy policy) => policy switch
    {
        PatchPolicy.Force => "Write the byte, whatever the guest's page tables say.",
        PatchPolicy.Faithful => "Write the byte with the guest's own permissions.",
        PatchPolicy.Emulate => "Serve the call and leave the guest's memory alone.",
        _ => "Give the guest its #UD.",
    };
}
