using Hyperpatch.Engine.Memory;
using Hyperpatch.Engine.Vendors;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>A partition whose processors run in turn, by a clock of instructions.</summary>
internal sealed class DeterministicPartition : SoftwarePartition, IDeterministicPartition
{
    private readonly TurnSchedule _turns;

    public DeterministicPartition(GuestMemory memory, CpuVendor vendor)
        : this(memory, vendor, new TurnSchedule())
    {
    }

    private DeterministicPartition(GuestMemory memory, CpuVendor vendor, TurnSchedule turns)
        : base(memory, vendor, turns)
    {
        _turns = turns;
    }

    public ulong Time => _turns.Now;

    public int InTurn => _turns.Holder;

    public int NextInTurn() => _turns.Settle();

    public void GiveUpTurn() => _turns.Spend(TurnSchedule.Quantum);
}
