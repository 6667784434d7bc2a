namespace Hyperpatch.Engine.Accelerators;

/// <summary>GDTR or IDTR.</summary>
/// <param name="Base">Linear base.</param>
/// <param name="Limit">Limit in bytes.</param>
public readonly record struct DescriptorTable(ulong Base, ushort Limit);
