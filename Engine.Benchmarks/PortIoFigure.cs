using Hyperpatch.Engine.Accelerators.Kvm;

namespace Hyperpatch.Engine.Benchmarks;

/// <summary>A port-I/O exit, journal and all, against a bare C loop on the same host.</summary>
internal sealed class PortIoFigure : IFigure
{
    private const int Rounds = 15;
    private const double Limit = 1.10;

    public string Name => "port-io";

    public bool NeedsKvm => true;

    public IEnumerable<FigureResult> Measure()
    {
        using KvmAccelerator accelerator = new();
        using BareLoop bare = new();
        using MeasuredMachine machine = MeasuredMachine.PortIo(accelerator);
        List<double> toArmed = [];
        List<double> toBare = [];
        for (int i = 0; i < Rounds; i++)
        {
            double armed = bare.Measure(armed: true);
            double engine = machine.Measure();
            toArmed.Add(engine / armed);
            toBare.Add(engine / bare.Measure(armed: false));
        }

        yield return new FigureResult(
            $"port-I/O exit, engine to a C loop with a breakpoint armed as interception needs it: {Statistics.Spread(toArmed)}",
            "at most 1.10",
            Statistics.Median(toArmed) <= Limit);
        yield return new FigureResult(
            $"port-I/O exit, engine to a C loop without any breakpoint: {Statistics.Spread(toBare)}",
            "at most 1.10",
            Statistics.Median(toBare) <= Limit);
    }
}
