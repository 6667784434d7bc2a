using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Engine.Memory;

namespace Hyperpatch.Web.Machines.Inspection;

/// <summary>A page walk as the API and the page show it.</summary>
/// <param name="Address">Linear address, hexadecimal with 0x.</param>
/// <param name="Processor">The processor whose tables were walked.</param>
/// <param name="Mode">none, 32-bit, PAE, 4-level or 5-level.</param>
/// <param name="Cr3">CR3.</param>
/// <param name="Canonical">Whether the address is canonical.</param>
/// <param name="Steps">The entries read, from the top.</param>
/// <param name="Physical">Guest-physical address, or null where there is none.</param>
/// <param name="PageBytes">Bytes of the page, 0 where there is none.</param>
/// <param name="Rights">What may be done at CPL 0 and at CPL 3.</param>
public sealed record TranslationView(
    string Address, int Processor, string Mode, string Cr3, bool Canonical, IReadOnlyList<TranslationStep> Steps, string? Physical, ulong PageBytes, IReadOnlyList<TranslationRights> Rights)
{
    /// <summary>The view of a walk.</summary>
    public static TranslationView Of(PageWalkTrace trace, int processor)
    {
        ArgumentNullException.ThrowIfNull(trace);
        return new TranslationView(
            ExitEvents.Hex(trace.Linear), processor, trace.Mode, ExitEvents.Hex(trace.Cr3), trace.IsCanonical,
            [.. trace.Steps.Select(TranslationStep.Of)],
            trace.Physical is { } physical ? ExitEvents.Hex(physical) : null, trace.PageBytes,
            [TranslationRights.Of(trace.Supervisor), TranslationRights.Of(trace.User)]);
    }
}
