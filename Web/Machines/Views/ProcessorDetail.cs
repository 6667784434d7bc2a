using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Machine.Frames;

namespace Hyperpatch.Web.Machines.Views;

/// <summary>A virtual processor as the API shows it.</summary>
/// <param name="Index">Its index.</param>
/// <param name="State">created, running, halted, paused or stopped.</param>
/// <param name="Rip">Instruction pointer at the latest exit or look.</param>
/// <param name="Exits">Its exits by reason; reasons without any are left out.</param>
public sealed record ProcessorDetail(int Index, string State, string Rip, IReadOnlyDictionary<string, long> Exits)
{
    /// <summary>The view of one processor.</summary>
    public static ProcessorDetail Of(VirtualProcessor processor)
    {
        ArgumentNullException.ThrowIfNull(processor);
        var counts = new Dictionary<string, long>();
        for (int reason = (int)ExitReason.None + 1; reason < ExitReasons.Count; reason++)
        {
            if (processor.Journal.CountOf((ExitReason)reason) is > 0 and var count)
            {
                counts[((ExitReason)reason).Name()] = count;
            }
        }

        return new ProcessorDetail(processor.Index, MachineViews.Name(processor.State), ExitEvents.Hex(processor.Rip), counts);
    }
}
