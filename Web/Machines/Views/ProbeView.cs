namespace Hyperpatch.Web.Machines.Views;

/// <summary>What one instruction did in a guest on this host.</summary>
/// <param name="Instruction">The instruction.</param>
/// <param name="Bytes">Its bytes.</param>
/// <param name="Outcome">What it did.</param>
/// <param name="Detail">The same in words.</param>
public sealed record ProbeView(string Instruction, string Bytes, string Outcome, string Detail);
