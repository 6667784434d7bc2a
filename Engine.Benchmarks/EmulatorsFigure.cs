namespace Hyperpatch.Engine.Benchmarks;

/// <summary>The processor in software against other emulators on the same host and with the same guest.</summary>
internal sealed class EmulatorsFigure : IFigure
{
    public string Name => "emulators";

    public IEnumerable<FigureResult> Measure()
    {
        using EmulatorImage image = new();
        double[] ours = Emulator.Ours(image);
        return [.. Rows("Bochs", ours, Emulator.Bochs(image), "at most 1.00", 1), .. Rows("QEMU (TCG)", ours, Emulator.Qemu(image), "for comparison", null)];
    }

    private static IEnumerable<FigureResult> Rows(string name, double[] ours, double[]? others, string limit, double? most)
    {
        if (others is null)
        {
            yield return new FigureResult($"emulators: {name} is not installed", limit, null);
            yield break;
        }

        for (int i = 0; i < ours.Length; i++)
        {
            double ratio = ours[i] / others[i];
            yield return new FigureResult(
                $"emulators: {EmulatorImage.Workloads[i]}, our time to that of {name}: {ratio:0.00} ({ours[i] * 1000:0} to {others[i] * 1000:0} ms)",
                limit,
                most is null ? null : ratio <= most);
        }
    }
}
