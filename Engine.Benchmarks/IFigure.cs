namespace Hyperpatch.Engine.Benchmarks;

/// <summary>A figure, measured as ratios within one run: machines differ and are noisy, ratios less so.</summary>
internal interface IFigure
{
    /// <summary>Name on the command line.</summary>
    string Name { get; }

    /// <summary>Whether it is measured on KVM and says nothing without it.</summary>
    bool NeedsKvm { get; }

    /// <summary>Measures.</summary>
    IEnumerable<FigureResult> Measure();
}
