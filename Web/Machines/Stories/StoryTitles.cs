using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Engine.Vendors;

namespace Hyperpatch.Web.Machines.Stories;

/// <summary>Stories in one line each.</summary>
internal static class StoryTitles
{
    /// <summary>The line.</summary>
    public static string Of(in ExitRecord record, ExitEvent exit)
    {
        string form = CpuVendor.FromHypercallOpcode(record.Before) is { } owner ? $"{owner.Name}'s {owner.HypercallMnemonic.ToUpperInvariant()}" : "the instruction";
        return record.Outcome switch
        {
            InterceptionOutcome.Patched => $"A hypercall instruction was repaired: {record.Before:X2} became {record.After:X2}",
            InterceptionOutcome.Emulated or InterceptionOutcome.EmulatedReadOnly => $"{form} was served without changing it",
            InterceptionOutcome.Injected => $"The guest got its #UD for {form}",
            InterceptionOutcome.PageFault => $"The guest got a #PF: {form} is in read-only text",
            InterceptionOutcome.InvalidOpcode => "The guest got its #UD: the instruction is no hypercall",
            InterceptionOutcome.FetchFault => "The instruction could not be read",
            InterceptionOutcome.LoopGuard => $"The guest got a #UD: repairing {form} led nowhere",
            InterceptionOutcome.Served => "A hypercall was served",
            _ => $"Exit {exit.Reason}",
        };
    }
}
