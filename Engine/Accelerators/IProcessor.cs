using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Guests;
using Hyperpatch.Engine.Memory;

namespace Hyperpatch.Engine.Accelerators;

/// <summary>
/// One virtual processor. All members but <see cref="Kick"/> belong to the thread that runs it (bound by
/// <see cref="BindToCurrentThread"/>); registers may be read and written between two calls of <see cref="Run"/>.
/// </summary>
public interface IProcessor : IDisposable
{
    /// <summary>Index and APIC id.</summary>
    int Index { get; }

    /// <summary>General-purpose registers. After a change, call <see cref="RegistersChanged"/>.</summary>
    ref GuestRegisters Registers { get; }

    /// <summary>Bytes of the port-I/O or MMIO exit at hand: what the guest wrote, or where to put what it reads.</summary>
    Span<byte> ExitData { get; }

    /// <summary>Linear base of CS at the exit (0 in 64-bit mode).</summary>
    ulong CodeBase { get; }

    /// <summary>Width of the code at the exit: 16, 32 or 64.</summary>
    int CodeBits { get; }

    /// <summary>Current privilege level at the exit.</summary>
    int Cpl { get; }

    /// <summary>Prepares the calling thread (signal mask) and binds the processor to it.</summary>
    void BindToCurrentThread();

    /// <summary>Puts the processor into a guest's start state. Before the first <see cref="Run"/>.</summary>
    /// <param name="start">The state.</param>
    void Start(ProcessorStart start);

    /// <summary>Runs the guest until something must be handled. Completes the exit before.</summary>
    /// <param name="exit">Receives the exit.</param>
    void Run(ref VmExit exit);

    /// <summary>
    /// Completes a pending port-I/O or MMIO exit without running the guest further. True when that led to another exit, which
    /// must be handled first; false when nothing is pending any more and registers are whole.
    /// </summary>
    /// <param name="exit">Receives the further exit.</param>
    bool CompletePending(ref VmExit exit);

    /// <summary>Makes <see cref="Run"/> come back with <see cref="ExitReason.Interrupted"/> at once, or its next call. Any thread.</summary>
    void Kick();

    /// <summary>Forgets kicks up to now. Call before reading what was asked for, never after.</summary>
    void ClearKick();

    /// <summary>Says that <see cref="Registers"/> were written.</summary>
    void RegistersChanged();

    /// <summary>The registers on which address translation depends.</summary>
    /// <param name="state">Receives them.</param>
    void GetPaging(out PagingState state);

    /// <summary>Reads segments, tables and control registers.</summary>
    /// <param name="registers">Receives them.</param>
    void GetSystemRegisters(out SystemRegisters registers);

    /// <summary>
    /// The host has carried out the instruction at RIP: moves RIP behind it as wide as the mode is, ends an interrupt shadow,
    /// and raises #DB when the guest single-steps itself (RFLAGS.TF).
    /// </summary>
    /// <param name="length">Bytes, 1 to 15.</param>
    void CompleteInstruction(int length);

    /// <summary>Lets the guest take the #UD of the exit at hand, RIP at the instruction.</summary>
    void InjectInvalidOpcode();

    /// <summary>Raises #PF at RIP.</summary>
    /// <param name="fault">CR2 and error code.</param>
    void InjectPageFault(PageFault fault);

    /// <summary>Raises #GP(0) at RIP; for an exit on an unknown MSR, instead of completing it.</summary>
    void InjectGeneralProtection();

    /// <summary>After <see cref="ExitReason.Failure"/>: what happened, in words.</summary>
    string FailureText { get; }

    /// <summary>Whether it waits in HLT, or for INIT/SIPI. After an exit with <see cref="ExitReason.Interrupted"/> only.</summary>
    ProcessorActivity GetActivity();

    /// <summary>The time-stamp counter as the guest reads it now.</summary>
    ulong ReadTimestampCounter();

    /// <summary>Saves the whole state. Nothing may be pending (<see cref="CompletePending"/>).</summary>
    ProcessorState Save();

    /// <summary>Restores a state saved by a processor of any partition over the same memory.</summary>
    /// <param name="state">The state.</param>
    void Restore(ProcessorState state);
}
