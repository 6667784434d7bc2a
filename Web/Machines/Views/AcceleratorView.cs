namespace Hyperpatch.Web.Machines.Views;

/// <summary>A back end of this host.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Available">Whether machines can be made with it.</param>
/// <param name="Reason">Where not, why, and what a person can do; where so, what was found.</param>
/// <param name="Levels">The interception level by vendor, where it can be used.</param>
/// <param name="Probe">What each instruction did in a guest on this host.</param>
public sealed record AcceleratorView(
    string Name, bool Available, string Reason, IReadOnlyDictionary<string, string> Levels, IReadOnlyList<ProbeView> Probe);
