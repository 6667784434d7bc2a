namespace Hyperpatch.Web.Machines.Assembling;

/// <summary>Whether sources can be assembled on this host.</summary>
/// <param name="IsAvailable">Whether they can.</param>
/// <param name="Text">The assembler's version; or why not, and what to do.</param>
/// <param name="Confinement">Whether it runs in namespaces of its own, and why not; empty where it is not available.</param>
public sealed record AssemblerAvailability(bool IsAvailable, string Text, string Confinement);
