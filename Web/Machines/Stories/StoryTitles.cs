using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Engine.Vendors;
using Hyperpatch.Web.Texts;

namespace Hyperpatch.Web.Machines.Stories;

/// <summary>Stories in one line each.</summary>
internal static class StoryTitles
{
    /// <summary>The line.</summary>
    public static string Of(in ExitRecord record, ExitEvent exit)
    {
        string form = CpuVendor.FromHypercallOpcode(record.Before) is { } owner ? Phrase.Of(StoryTexts.VendorsHypercall, owner.Name, owner.HypercallMnemonic.ToUpperInvariant()) : StoryTexts.TheInstruction;
        return record.Outcome switch
        {
            InterceptionOutcome.Patched => Phrase.Of(StoryTexts.TitlePatched, record.Before, record.After),
            InterceptionOutcome.Emulated or InterceptionOutcome.EmulatedReadOnly => Phrase.Of(StoryTexts.TitleEmulated, form),
            InterceptionOutcome.Injected => Phrase.Of(StoryTexts.TitleInjected, form),
            InterceptionOutcome.PageFault => Phrase.Of(StoryTexts.TitlePageFault, form),
            InterceptionOutcome.InvalidOpcode => StoryTexts.TitleNoHypercall,
            InterceptionOutcome.FetchFault => StoryTexts.TitleFetchFault,
            InterceptionOutcome.LoopGuard => Phrase.Of(StoryTexts.TitleLoopGuard, form),
            InterceptionOutcome.Served => StoryTexts.TitleServed,
            _ => Phrase.Of(StoryTexts.TitleExit, exit.Reason),
        };
    }
}
