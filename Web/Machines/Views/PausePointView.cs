using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Engine.Machine.PausePoints;
using Hyperpatch.Web.Machines.Commands;

namespace Hyperpatch.Web.Machines.Views;

/// <summary>A pause point, as the API shows it.</summary>
/// <param name="Id">Its number in the machine, from 1; never used again.</param>
/// <param name="Kind">address, exit, hypercall, patch or invalid-opcode.</param>
/// <param name="Text">The point in words.</param>
/// <param name="Address">For address: linear address, hexadecimal with 0x; otherwise null.</param>
/// <param name="Reason">For exit: the reason; otherwise null.</param>
/// <param name="Number">For hypercall: the number; otherwise null.</param>
/// <param name="Processor">This processor's alone, or null.</param>
/// <param name="Once">Whether it goes once it was met.</param>
/// <param name="Hits">Times that it was met.</param>
public sealed record PausePointView(
    int Id, string Kind, string Text, string? Address, string? Reason, long? Number, int? Processor, bool Once, long Hits)
{
    /// <summary>The view of a point.</summary>
    public static PausePointView Of(PausePoint point)
    {
        ArgumentNullException.ThrowIfNull(point);
        PausePointOptions options = point.Options;
        return new PausePointView(
            point.Id,
            PausePointNames.Of(options.Kind),
            point.Text,
            options.Kind == PausePointKind.Address ? ExitEvents.Hex(options.Address) : null,
            options.Kind == PausePointKind.Exit ? options.Reason.Name() : null,
            options.Kind == PausePointKind.Hypercall ? (long)options.Number : null,
            options.Processor,
            options.Once,
            point.Hits);
    }
}
