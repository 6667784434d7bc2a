namespace Hyperpatch.Web.Machines.Stories;

/// <summary>One step of a story.</summary>
/// <param name="Id">Which: exit, fetch, decode, vendor, action or sequel.</param>
/// <param name="Title">What happened, in one line.</param>
/// <param name="Text">The same for somebody who has never seen a VM exit.</param>
/// <param name="Facts">The figures.</param>
public sealed record StoryStep(string Id, string Title, string Text, IReadOnlyList<StoryFact> Facts)
{
    /// <summary>Bytes that it is about, or null.</summary>
    public string? Bytes { get; init; }

    /// <summary>The same bytes after it, where it changed them; otherwise null.</summary>
    public string? After { get; init; }

    /// <summary>The vendor that it is about, or null.</summary>
    public string? Vendor { get; init; }

    /// <summary>Whether it is still to come.</summary>
    public bool IsPending { get; init; }
}
