using Hyperpatch.Engine.Accelerators.Kvm;

namespace Hyperpatch.Engine.Benchmarks;

/// <summary>What the processor's thread allocates in steady state.</summary>
internal sealed class AllocationFigure : IFigure
{
    public string Name => "allocation";

    public bool NeedsKvm => true;

    public IEnumerable<FigureResult> Measure()
    {
        using KvmAccelerator accelerator = new();
        foreach ((string name, MeasuredMachine machine) in new[]
        {
            ("port I/O", MeasuredMachine.PortIo(accelerator)),
            ("hypercalls", MeasuredMachine.RightHypercall(accelerator)),
            ("hypercalls at patched sites", MeasuredMachine.PatchedHypercall(accelerator)),
        })
        {
            using (machine)
            {
                long bytes = machine.Allocated(out long exits);
                yield return new FigureResult(
                    $"allocated on the processor's thread, {name}: {bytes} bytes in {exits} exits", "0 bytes", bytes <= 0);
            }
        }
    }
}
