using System.Buffers.Binary;

namespace Hyperpatch.Engine.Accelerators.Software.Apic;

/// <summary>Saving and restoring, in the layout that KVM has for it (<c>struct kvm_lapic_state</c>).</summary>
internal sealed partial class LocalApic
{
    /// <summary>Bytes of a saved state: the first KiB of the registers' page.</summary>
    public const int StateSize = 1024;

    /// <summary>
    /// Saves the registers. Not among them, and to be saved by the caller: IA32_APIC_BASE, IA32_TSC_DEADLINE, and what is pending
    /// beside interrupts (NMI, INIT, start-up, kick, <see cref="IsWaitingForStartup"/>).
    /// </summary>
    /// <param name="state">Receives <see cref="StateSize"/> bytes.</param>
    public void Save(Span<byte> state)
    {
        state[..StateSize].Clear();
        for (uint register = 0; register < ApicRegister.Count; register++)
        {
            if (TryReadPage(register, out uint value))
            {
                Put(state, register, value);
            }
        }

        if (Mode == ApicMode.X2Apic)
        {
            // The id stays in bits 31:24 in either mode; the logical id is the one that x2APIC derives from it.
            Put(state, ApicRegister.LogicalDestination, ExtendedLogicalId);
        }
    }

    /// <summary>
    /// Restores the registers. Before it <see cref="SetBase"/>; after it IA32_TSC_DEADLINE, which needs the timer's mode. The id in the
    /// state does not count: it is the processor's index.
    /// </summary>
    /// <param name="state">A state by <see cref="Save"/> or by KVM.</param>
    public void Restore(ReadOnlySpan<byte> state)
    {
        ResetRegisters();
        _taskPriority = Get(state, ApicRegister.TaskPriority) & 0xFF;
        Volatile.Write(ref _spurious, Get(state, ApicRegister.Spurious) & SpuriousBits);
        if (Mode != ApicMode.X2Apic)
        {
            Volatile.Write(ref _logicalDestination, Get(state, ApicRegister.LogicalDestination) & 0xFF00_0000);
        }

        Volatile.Write(ref _destinationFormat, Get(state, ApicRegister.DestinationFormat) | DestinationFormatFixed);
        for (uint i = 0; i < Words; i++)
        {
            _inService[i] = GetWord(state, ApicRegister.InService, i);
            Volatile.Write(ref _triggerMode[i], GetWord(state, ApicRegister.TriggerMode, i));
            Volatile.Write(ref _request[i], GetWord(state, ApicRegister.Request, i));
        }

        _errors = Get(state, ApicRegister.ErrorStatus);
        _command = ((ulong)Get(state, ApicRegister.CommandHigh) << 32) | (Get(state, ApicRegister.Command) & CommandBits);
        for (uint i = 0; i < _local.Length; i++)
        {
            Volatile.Write(ref _local[i], Get(state, ApicRegister.LocalVector + i) & LocalBits(i));
        }

        _divide = Get(state, ApicRegister.Divide) & DivideBits;
        _initialCount = Get(state, ApicRegister.InitialCount);
        if (!IsTimestampTimer)
        {
            // What was left goes on from now; a periodic timer found at its turn begins its next period.
            uint left = Get(state, ApicRegister.CurrentCount);
            StartTimer(_clock.Now, left == 0 && TimerMode == TimerPeriodic ? _initialCount : left);
        }

        UpdatePriority();
        UpdateDeadline();
        RaiseWork();
    }

    private static void Put(Span<byte> state, uint register, uint value) =>
        BinaryPrimitives.WriteUInt32LittleEndian(state[((int)register * 16)..], value);

    private static uint Get(ReadOnlySpan<byte> state, uint register) =>
        BinaryPrimitives.ReadUInt32LittleEndian(state[((int)register * 16)..]);

    private static ulong GetWord(ReadOnlySpan<byte> state, uint register, uint word) =>
        Get(state, register + (word * 2)) | ((ulong)Get(state, register + (word * 2) + 1) << 32);
}
