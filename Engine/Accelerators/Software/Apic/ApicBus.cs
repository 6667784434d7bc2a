namespace Hyperpatch.Engine.Accelerators.Software.Apic;

/// <summary>The local APICs of a partition, by index, which is the APIC id of each.</summary>
internal sealed class ApicBus : IApicBus
{
    private const int Capacity = 64;
    private readonly LocalApic?[] _apics = new LocalApic?[Capacity];
    private int _count;
    private int _lastLowest = -1;

    /// <summary>Adds a processor's APIC. Before the machine runs.</summary>
    /// <param name="apic">The APIC; one with the same index is replaced.</param>
    public void Attach(LocalApic apic)
    {
        _apics[apic.Index] = apic;
        _count = Math.Max(_count, apic.Index + 1);
    }

    /// <inheritdoc/>
    public bool Send(LocalApic? sender, in ApicMessage message)
    {
        if (message.Shorthand == ApicShorthand.Self)
        {
            return sender is not null && sender.Accept(message);
        }

        bool isAddressed = message.Shorthand == ApicShorthand.None;
        if (message.Delivery == ApicDelivery.LowestPriority)
        {
            return SendToLowest(sender, message);
        }

        // By far the most frequent: one processor by its id. Nothing else has this id, so there is nothing to search.
        if (isAddressed && !message.IsLogical && !message.IsBroadcast)
        {
            return message.Destination < (uint)_count
                && _apics[message.Destination] is LocalApic target
                && target.Mode != ApicMode.Disabled
                && target.Accept(message);
        }

        bool isTaken = false;
        for (int i = 0; i < _count; i++)
        {
            if (_apics[i] is LocalApic apic && IsTarget(apic, sender, message))
            {
                isTaken |= apic.Accept(message);
            }
        }

        return isTaken;
    }

    private static bool IsTarget(LocalApic apic, LocalApic? sender, in ApicMessage message) => message.Shorthand switch
    {
        ApicShorthand.None => apic.Matches(message),
        ApicShorthand.Others => apic != sender && apic.Mode != ApicMode.Disabled,
        _ => apic.Mode != ApicMode.Disabled,
    };

    private bool SendToLowest(LocalApic? sender, in ApicMessage message)
    {
        // Among equals the turn goes round: starting behind the last one chosen. That two senders at a time may choose the same is
        // no harm; a fixed order would load one processor with everything.
        int start = Volatile.Read(ref _lastLowest) + 1;
        LocalApic? lowest = null;
        int lowestPriority = int.MaxValue;
        for (int i = 0; i < _count; i++)
        {
            LocalApic? apic = _apics[(start + i) % _count];
            if (apic is null || !apic.IsSoftwareEnabled || !IsTarget(apic, sender, message))
            {
                continue;
            }

            int priority = apic.ProcessorPriority;
            if (priority < lowestPriority)
            {
                lowestPriority = priority;
                lowest = apic;
            }
        }

        if (lowest is null)
        {
            return false;
        }

        Volatile.Write(ref _lastLowest, lowest.Index);
        return lowest.Accept(message);
    }
}
