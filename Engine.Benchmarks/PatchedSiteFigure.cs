using Hyperpatch.Engine.Accelerators.Kvm;

namespace Hyperpatch.Engine.Benchmarks;

/// <summary>A site that was patched once against one that was right from the start: there must be no difference.</summary>
internal sealed class PatchedSiteFigure : IFigure
{
    private const int Rounds = 15;
    private const double Noise = 0.05;

    public string Name => "patched-site";

    public bool NeedsKvm => true;

    public IEnumerable<FigureResult> Measure()
    {
        using KvmAccelerator accelerator = new();
        using MeasuredMachine right = MeasuredMachine.RightHypercall(accelerator);
        using MeasuredMachine patched = MeasuredMachine.PatchedHypercall(accelerator);
        List<double> ratios = [];
        for (int i = 0; i < Rounds; i++)
        {
            // In turn which comes first, so that a drift of the machine favours neither.
            double first = i % 2 == 0 ? patched.Measure() : right.Measure();
            double second = i % 2 == 0 ? right.Measure() : patched.Measure();
            ratios.Add(i % 2 == 0 ? first / second : second / first);
        }

        double median = Statistics.Median(ratios);
        yield return new FigureResult(
            $"patched site to a right one: {Statistics.Spread(ratios)}; patches: {patched.Patches} and {right.Patches}",
            "1.00 within the noise (0.05)",
            Math.Abs(median - 1) <= Noise && patched.Patches > 0 && right.Patches == 0);
    }
}
