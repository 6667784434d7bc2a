namespace Hyperpatch.Web.Machines.Stories;

/// <summary>A figure that belongs to a step of a story.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Value">As people write it.</param>
/// <param name="Explanation">What it means, for whoever does not know, or null.</param>
public sealed record StoryFact(string Name, string Value, string? Explanation = null);
