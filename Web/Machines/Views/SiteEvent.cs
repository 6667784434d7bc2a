using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Machine.Frames;

namespace Hyperpatch.Web.Machines.Views;

/// <summary>One line of a site's history.</summary>
/// <param name="At">When (UTC); of several in a row, the first.</param>
/// <param name="Processor">Which processor.</param>
/// <param name="From">The instruction's bytes before.</param>
/// <param name="To">The bytes after.</param>
/// <param name="Policy">Policy in force.</param>
/// <param name="Vendor">The vendor that the guest saw.</param>
/// <param name="Outcome">What was done.</param>
/// <param name="Epoch">Number of the vendor switch under which it happened, from 0.</param>
/// <param name="Count">How many alike in a row.</param>
public sealed record SiteEvent(DateTimeOffset At, int Processor, string From, string To, string Policy, string Vendor, string Outcome, int Epoch, long Count)
{
    /// <summary>The view of one line.</summary>
    public static SiteEvent Of(PatchEvent patch)
    {
        ArgumentNullException.ThrowIfNull(patch);
        return new SiteEvent(
            Moments.Of(patch.Timestamp),
            patch.Processor,
            ExitEvents.Bytes(patch.Before.Span),
            ExitEvents.Bytes(patch.After.Span),
            PolicyNames.Of(patch.Policy),
            patch.Vendor,
            ExitEvents.Name(patch.Outcome),
            patch.Epoch,
            patch.Count);
    }
}
