namespace Hyperpatch.Engine.Benchmarks;

/// <summary>A figure, measured as ratios within one run: machines differ and are noisy, ratios less so.</summary>
internal interface IFigure
{
    /// <summary>Name on the command line.</summary>
    string Name { get; }

    /// <summary>Measures.</summary>
    IEnumerable<FigureResult> Measure();
}
