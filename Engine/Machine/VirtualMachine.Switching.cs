using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Texts;
using Hyperpatch.Engine.Vendors;

namespace Hyperpatch.Engine.Machine;

/// <summary>Vendor switches after a number of hypercalls (<see cref="VirtualMachineOptions.SwitchVendorAfter"/>).</summary>
public sealed partial class VirtualMachine
{
    // Hypercalls until the next switch; past 0 while one is under way.
    private long _untilSwitch;
    private long _kernelCallsSeen;

    // What the guest saw when the count was reached, until it has been switched. Whatever lets processors run looks here first.
    private MachineContext? _dueSwitch;

    internal bool CountsCalls => Options.SwitchVendorAfter is not null;

    /// <summary>A hypercall has been served. On the calling processor's thread; it is held where the count is reached.</summary>
    internal void CountCall(VirtualProcessor processor)
    {
        if (Interlocked.Decrement(ref _untilSwitch) == 0)
        {
            // It parks before its next instruction, and the switch lets it go on with the others.
            processor.RequestPause();
            BeginSwitch();
        }
    }

    // Calls that the host's kernel served come to nobody's path. On the pump's thread.
    private void CountKernelCalls()
    {
        if (!CountsCalls || KernelHypercalls is not long calls)
        {
            return;
        }

        long more = calls - _kernelCallsSeen;
        _kernelCallsSeen = calls;
        long left = Interlocked.Add(ref _untilSwitch, -more);
        if (more > 0 && left <= 0 && left + more > 0)
        {
            BeginSwitch();
        }
    }

    private void BeginSwitch()
    {
        Volatile.Write(ref _dueSwitch, Volatile.Read(ref _context));
        _ = Task.Run(SwitchByCount);
    }

    private void SwitchByCount()
    {
        try
        {
            // However long another command takes: it is no fault of the switch, and a processor may be held for it.
            Command(SwitchIfDue, isPatient: true);
        }
        catch (ObjectDisposedException)
        {
            // Nobody is left who would see another vendor.
        }
        catch (Exception exception) when (exception is AcceleratorException or MachineStateException)
        {
            // A processor may be held for it: the machine must not stand still in silence.
            Finish(MachineState.Failed, new MachineExit(Phrase.Of(TimelineTexts.VendorCouldNotBeSwitched, exception.Message), MachineExit.FailureCode));
        }
    }

    // In a command. Not where a person has switched or reset it meanwhile.
    private void SwitchIfDue()
    {
        if (Interlocked.Exchange(ref _dueSwitch, null) is not MachineContext seen)
        {
            return;
        }

        // Calls of others meanwhile count for the next switch.
        while (Interlocked.Add(ref _untilSwitch, Options.SwitchVendorAfter!.Value) <= 0)
        {
        }

        if (State is not (MachineState.Stopped or MachineState.Failed) && _context == seen)
        {
            _ = SwitchTo(CpuVendor.All[(seen.VendorIndex + 1) % CpuVendor.All.Length]);
        }
    }
}
