using Hyperpatch.Engine.Accelerators.Kvm;

namespace Hyperpatch.Engine.Benchmarks;

/// <summary>A hypercall in the right form at level trap, against a port-I/O exit of a bare C loop.</summary>
internal sealed class HypercallFigure : IFigure
{
    private const int Rounds = 15;
    private const double Limit = 2.6;

    public string Name => "hypercall";

    public bool NeedsKvm => true;

    public IEnumerable<FigureResult> Measure()
    {
        using KvmAccelerator accelerator = new();
        using BareLoop bare = new();
        using MeasuredMachine calls = MeasuredMachine.RightHypercall(accelerator);
        using MeasuredMachine ports = MeasuredMachine.PortIo(accelerator);
        List<double> toBare = [];
        List<double> toPorts = [];
        for (int i = 0; i < Rounds; i++)
        {
            double loop = bare.Measure(armed: false);
            double call = calls.Measure();
            toBare.Add(call / loop);
            toPorts.Add(call / ports.Measure());
        }

        yield return new FigureResult(
            $"hypercall round trip to a C loop's port-I/O exit: {Statistics.Spread(toBare)}",
            "at most 2.6",
            Statistics.Median(toBare) <= Limit);
        yield return new FigureResult(
            $"hypercall round trip to the engine's own port-I/O exit: {Statistics.Spread(toPorts)}", "for comparison", null);
    }
}
