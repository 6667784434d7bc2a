using System.Globalization;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Hypercalls;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Web.Texts;

namespace Hyperpatch.Web.Machines.Stories;

/// <summary>What the host did, and why.</summary>
internal static class StoryActions
{
    /// <summary>The step.</summary>
    public static StoryStep Action(in ExitRecord record, ExitEvent exit)
    {
        StoryFact policy = new(StoryTexts.Policy, PolicyNames.Of(record.Policy), Describe(record.Policy));
        return record.Outcome switch
        {
            InterceptionOutcome.Patched => new StoryStep(
                "action",
                Phrase.Of(StoryTexts.Patched, record.Before, record.After),
                StoryTexts.PatchedText,
                [policy])
            { Bytes = exit.Bytes, After = exit.After },
            InterceptionOutcome.Emulated => new StoryStep("action", StoryTexts.Emulated, StoryTexts.ServedAsIfRight, [policy, .. Call(exit)]) { Bytes = exit.Bytes },
            InterceptionOutcome.EmulatedReadOnly => new StoryStep(
                "action", StoryTexts.EmulatedInRom, StoryTexts.ServedAsIfRight, [policy, .. Call(exit)])
            { Bytes = exit.Bytes },
            InterceptionOutcome.Injected => new StoryStep(
                "action", StoryTexts.GetsItsInvalidOpcode, StoryTexts.InjectedText, [policy]) { Bytes = exit.Bytes },
            InterceptionOutcome.PageFault => new StoryStep(
                "action",
                StoryTexts.GetsPageFault,
                StoryTexts.GetsPageFaultText,
                [policy])
            { Bytes = exit.Bytes },
            InterceptionOutcome.LoopGuard => new StoryStep(
                "action",
                StoryTexts.LoopGuard,
                StoryTexts.LoopGuardText,
                [policy])
            { Bytes = exit.Bytes },
            InterceptionOutcome.InvalidOpcode => new StoryStep(
                "action", StoryTexts.GetsItsInvalidOpcode, StoryTexts.NoHypercallText, []) { Bytes = exit.Bytes },
            _ => new StoryStep("action", StoryTexts.Served, StoryTexts.ServedText, Call(exit)),
        };
    }

    /// <summary>Number, arguments and result of a hypercall.</summary>
    public static IReadOnlyList<StoryFact> Call(ExitEvent exit)
    {
        if (exit.Hypercall is not { } number)
        {
            return [];
        }

        List<StoryFact> facts = [new(StoryTexts.Hypercall, $"{HypercallNumber.Name((ulong)number)} ({number})", StoryTexts.HypercallHelp)];
        string[] registers = ["RBX", "RCX", "RDX", "RSI"];
        facts.AddRange((exit.Arguments ?? []).Zip(registers, (value, register) => new StoryFact(register, value, StoryTexts.ArgumentHelp)));
        if (exit.Result is { } result)
        {
            facts.Add(new StoryFact(StoryTexts.Result, result.ToString(CultureInfo.InvariantCulture), StoryTexts.ResultHelp));
        }

        return facts;
    }

    private static string Describe(PatchPolicy policy) => policy switch
    {
        PatchPolicy.Force => StoryTexts.PolicyForce,
        PatchPolicy.Faithful => StoryTexts.PolicyFaithful,
        PatchPolicy.Emulate => StoryTexts.PolicyEmulate,
        _ => StoryTexts.PolicyInject,
    };
}
