using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Memory;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>Accesses to control registers that the host is told of, and INVPCID.</summary>
internal sealed partial class Cpu
{
    /// <summary>At an exit by a control register: which.</summary>
    internal int ControlNumber { get; private set; }

    /// <summary>At an exit by a control register: whether it is written. The value is in <see cref="ExitValue"/>.</summary>
    internal bool ControlIsWrite { get; private set; }

    // The host is told first, where it wants to be; carried out when it lets the processor run on.
    private bool IsReported(int number, ulong value, bool isWrite, in Op op)
    {
        if (_isPending || number == 2 || !_partition.ReportsControlRegisters)
        {
            return false;
        }

        if (number is not (0 or 3 or 4 or 8))
        {
            Throw(6);
        }

        ControlNumber = number;
        ControlIsWrite = isWrite;
        ExitValue = value;
        Wait(ExitReason.ControlRegister, op);
        return true;
    }

    // Invalidates more than it has to, which the manual allows (SDM vol. 3, 4.10.4.1): the translation cache has no tags.
    private void ExecuteInvpcid(in Op op)
    {
        const ulong OneAddress = 0, OneContext = 1, LastType = 3;
        RequireSupervisor();
        ulong type = _bits == 64 ? R.Get64(op.Target) : R.Get32(op.Target);
        ulong address = Ea(op, 16, write: false);
        ulong context = Load(address, 8), linear = Load(Wrap(address + 8), 8);
        bool usesContexts = (Cr4 & Cr4Pcide) != 0;
        if (type > LastType
            || context >> 12 != 0
            || (type <= OneContext && !usesContexts && context != 0)
            || (type == OneAddress && !PageWalker.IsCanonical(linear, (Cr4 & PagingState.Cr4La57) != 0 ? 5 : 4)))
        {
            ThrowProtection();
        }

        FlushTlb();
        LeaveRun();
    }
}
