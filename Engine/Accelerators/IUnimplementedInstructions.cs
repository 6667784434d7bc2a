namespace Hyperpatch.Engine.Accelerators;

/// <summary>Optional ability of a partition: it counts instructions that exist but that it does not carry out, and that raised #UD therefore.</summary>
public interface IUnimplementedInstructions
{
    /// <summary>How often each was met, by mnemonic. Any thread.</summary>
    IEnumerable<KeyValuePair<string, long>> UnimplementedInstructions { get; }
}
