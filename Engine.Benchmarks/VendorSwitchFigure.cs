using Hyperpatch.Engine.Accelerators.Kvm;
using Hyperpatch.Engine.Guests;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Vendors;

namespace Hyperpatch.Engine.Benchmarks;

/// <summary>How long a running guest of four processors stands still for a vendor switch.</summary>
internal sealed class VendorSwitchFigure : IFigure
{
    private const int Switches = 100;
    private const double LimitMilliseconds = 20;

    public string Name => "vendor-switch";

    public bool NeedsKvm => true;

    public IEnumerable<FigureResult> Measure()
    {
        using KvmAccelerator accelerator = new();
        BuiltInGuest guest = GuestCatalogue.TryGet("mixed", out BuiltInGuest? found)
            ? found : throw new InvalidOperationException("The catalogue has no guest mixed.");
        using VirtualMachine machine = new(
            "bench", new VirtualMachineOptions { Processors = 4, CommandLine = "rate=200" }, guest, accelerator);
        machine.Run();
        Thread.Sleep(500);
        List<double> milliseconds = [];
        for (int i = 0; i < Switches; i++)
        {
            VendorSwitch? done = machine.SwitchVendor(machine.Vendor == CpuVendor.Intel ? CpuVendor.Amd : CpuVendor.Intel);
            milliseconds.Add(done!.StoppedFor.TotalMilliseconds);
            Thread.Sleep(30);
        }

        yield return new FigureResult(
            $"vendor switch of a running 4-processor guest, stopped for: {Statistics.Spread(milliseconds)} ms; "
                + $"{milliseconds.Count(value => value >= LimitMilliseconds)} of {Switches} took 20 ms or more; guest {machine.State}",
            "each less than 20 ms",
            milliseconds.Max() < LimitMilliseconds && machine.State == MachineState.Running);
    }
}
