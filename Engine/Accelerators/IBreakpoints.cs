namespace Hyperpatch.Engine.Accelerators;

/// <summary>
/// Optional ability of a processor: execution breakpoints of the host's, by linear address. The guest does not see them, and its own
/// DR0 to DR7 hold other things.
/// </summary>
/// <remarks>
/// A hit is <see cref="Exits.ExitReason.Breakpoint"/>, RIP at the instruction, nothing of it done. The next
/// <see cref="IProcessor.Run"/> passes the breakpoint once: an instruction is reported once each time it is executed, however often it
/// takes an interrupt, a repair of its bytes or another exit until it is done. As on hardware, an instruction that begins with RFLAGS.RF set is
/// not reported, and one that <see cref="ISingleStep"/> executes is not either. A KVM that emulates CPL 0 and runs CPL 3 on the bare processor
/// reports none at CPL 3.
/// </remarks>
public interface IBreakpoints
{
    /// <summary>Breakpoints at once, the same for all processors of an accelerator at every interception level.</summary>
    int BreakpointCapacity { get; }

    /// <summary>Takes these in the place of all before. On the processor's thread, between two calls of <see cref="IProcessor.Run"/>.</summary>
    /// <param name="addresses">Linear addresses, each once, at most <see cref="BreakpointCapacity"/>; none: no breakpoints.</param>
    void SetBreakpoints(ReadOnlySpan<ulong> addresses);
}
