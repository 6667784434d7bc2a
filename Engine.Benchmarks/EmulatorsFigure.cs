namespace Hyperpatch.Engine.Benchmarks;

/// <summary>The processor in software against other emulators on the same host and with the same guest.</summary>
internal sealed class EmulatorsFigure : IFigure
{
    public string Name => "emulators";

    public bool NeedsKvm => false;

    public IEnumerable<FigureResult> Measure()
    {
        const int Rounds = 3;
        using EmulatorImage image = new();
        List<double[]> ours = [], bochs = [], qemu = [];
        for (int i = 0; i < Rounds; i++)
        {
            // In turn, so that a drift of the machine meets all of them.
            ours.Add(Emulator.Ours(image));
            Add(bochs, Emulator.Bochs(image));
            Add(qemu, Emulator.Qemu(image));
        }

        return [.. Rows("Bochs", ours, bochs, "at most 1.00", 1), .. Rows("QEMU (TCG)", ours, qemu, "for comparison", null)];
    }

    private static void Add(List<double[]> list, double[]? seconds)
    {
        if (seconds is not null)
        {
            list.Add(seconds);
        }
    }

    private static IEnumerable<FigureResult> Rows(string name, List<double[]> ours, List<double[]> others, string limit, double? most)
    {
        if (others.Count == 0)
        {
            yield return new FigureResult($"emulators: {name} is not installed", limit, null);
            yield break;
        }

        for (int i = 0; i < EmulatorImage.Workloads.Count; i++)
        {
            List<double> ratios = [.. ours.Zip(others, (our, other) => our[i] / other[i])];
            double mine = Statistics.Median(ours.Select(seconds => seconds[i])), theirs = Statistics.Median(others.Select(seconds => seconds[i]));
            yield return new FigureResult(
                $"emulators: {EmulatorImage.Workloads[i]}, our time to that of {name}: {Statistics.Spread(ratios)}; "
                    + $"{mine * 1000:0.0} to {theirs * 1000:0.0} ms",
                limit,
                most is null ? null : Statistics.Median(ratios) <= most);
        }
    }
}
