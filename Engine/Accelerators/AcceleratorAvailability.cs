namespace Hyperpatch.Engine.Accelerators;

/// <summary>Whether a back end can be used here.</summary>
/// <param name="IsAvailable">True when machines can be made with it.</param>
/// <param name="Reason">When it cannot: a sentence that says what a person can do. When it can: what was found.</param>
public sealed record AcceleratorAvailability(bool IsAvailable, string Reason);
