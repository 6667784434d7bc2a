namespace Hyperpatch.Engine.Machine.Frames;

/// <summary>Hypercalls of one number so far.</summary>
/// <param name="Number">Number; -1 for all without a name.</param>
/// <param name="Name">Name.</param>
/// <param name="Count">Calls.</param>
/// <param name="LastArguments">Arguments of the latest seen, or null.</param>
/// <param name="LastResult">Result of the latest seen, or null.</param>
public sealed record HypercallView(int Number, string Name, long Count, IReadOnlyList<string>? LastArguments, long? LastResult)
{
    /// <summary>How long the host handled them, or null before the first that was seen. Calls that the kernel served by itself have no time here.</summary>
    public LatencyFigures? Times { get; init; }
}
