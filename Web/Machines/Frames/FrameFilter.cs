using Hyperpatch.Engine.Exits;
using Hyperpatch.Web.Configuration;
using Hyperpatch.Web.Machines.Commands;

namespace Hyperpatch.Web.Machines.Frames;

/// <summary>What a watcher wants of each frame's exits. Counters, sites and state come in any case.</summary>
public sealed record FrameFilter
{
    /// <summary>Most exits that a frame carries, whatever is asked for.</summary>
    public const int MaximumExits = Engine.Machine.Frames.MachineFrame.MostEvents;

    /// <summary>Everything.</summary>
    public static FrameFilter All { get; } = new();

    /// <summary>Only this reason, or null for all.</summary>
    public string? Reason { get; init; }

    /// <summary>Only this processor, or null for all.</summary>
    public int? Processor { get; init; }

    /// <summary>Latest exits in each frame, 0 (none) to 64, which is the default.</summary>
    public int Exits { get; init; } = MaximumExits;

    /// <summary>
    /// The filter as a feed takes it: checked, and its reason spelt as the engine spells it, so that filters that mean the same are equal.
    /// </summary>
    /// <param name="processors">How many processors the machine has.</param>
    /// <returns>The filter, or what is wrong with it, by field.</returns>
    public CommandResult<FrameFilter> Normalize(int processors)
    {
        Dictionary<string, string[]> errors = [];
        string? reason = null;
        if (Reason is not null)
        {
            if (Words.TryParse(Reason, out ExitReason parsed) && parsed != ExitReason.None)
            {
                reason = parsed.Name();
            }
            else
            {
                errors["reason"] = [PlainNames.NotAllowed("reason", Reason, Enum.GetNames<ExitReason>().Skip(1))];
            }
        }

        if (Processor is { } processor && (processor < 0 || processor >= processors))
        {
            errors["processor"] = [$"Field \"processor\" is {processor}; allowed: 0 to {processors - 1}."];
        }

        if (Exits is < 0 or > MaximumExits)
        {
            errors["exits"] = [$"Field \"exits\" is {Exits}; allowed: 0 to {MaximumExits}."];
        }

        return errors.Count > 0 ? CommandError.Invalid(errors) : this with { Reason = reason };
    }
}
