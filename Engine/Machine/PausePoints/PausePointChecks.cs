using Hyperpatch.Engine.Accelerators;

namespace Hyperpatch.Engine.Machine.PausePoints;

/// <summary>What pause points a machine takes.</summary>
internal static class PausePointChecks
{
    /// <summary>Checks a point by itself.</summary>
    /// <exception cref="MachineOptionException">It cannot be used; the field is named.</exception>
    public static void Check(PausePointOptions options, int processors)
    {
        if (!Enum.IsDefined(options.Kind))
        {
            throw new MachineOptionException("kind", "There is no such kind of pause point.");
        }

        if (options.Processor is int index && (index < 0 || index >= processors))
        {
            throw new MachineOptionException("processor", $"The machine has processors 0 to {processors - 1}, not {index}.");
        }

        if (options.Kind == PausePointKind.Exit && !PausePoint.Reasons.Contains(options.Reason))
        {
            throw new MachineOptionException("reason", $"A machine can be paused at exits of these reasons: {string.Join(", ", PausePoint.Reasons)}.");
        }
    }

    /// <summary>Checks that every processor has room for its breakpoints.</summary>
    /// <exception cref="MachineOptionException">One has not.</exception>
    public static void CheckRoom(IReadOnlyList<PausePoint> points, IReadOnlyList<VirtualProcessor> processors, string accelerator)
    {
        foreach (VirtualProcessor processor in processors)
        {
            int wanted = AddressesOf(points, processor.Index).Length;
            int room = (processor.Processor as IBreakpoints)?.BreakpointCapacity ?? 0;
            if (wanted > room)
            {
                throw new MachineOptionException("address", room == 0
                    ? $"The accelerator {accelerator} has no breakpoints."
                    : $"The accelerator {accelerator} has {room} breakpoints for each processor, and processor {processor.Index} would need {wanted}; "
                        + "remove one, or give points to single processors.");
            }
        }
    }

    /// <summary>The addresses that a processor is to stop at, each once.</summary>
    public static ulong[] AddressesOf(IReadOnlyList<PausePoint> points, int processor) =>
        [.. points.Select(point => point.Options)
            .Where(options => options.Kind == PausePointKind.Address && (options.Processor ?? processor) == processor)
            .Select(options => options.Address).Distinct()];
}
