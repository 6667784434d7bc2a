namespace Hyperpatch.Engine.Accelerators;

/// <summary>The answer of the host's probe for one instruction.</summary>
/// <param name="Instruction">Mnemonic: VMCALL, VMMCALL or UD2.</param>
/// <param name="Bytes">The instruction's bytes in hexadecimal, such as <c>0F 01 C1</c>.</param>
/// <param name="Outcome">What it did.</param>
/// <param name="Detail">The outcome in words.</param>
public sealed record ProbeResult(string Instruction, string Bytes, ProbeOutcome Outcome, string Detail);
