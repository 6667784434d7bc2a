namespace Hyperpatch.Engine.Tests.Support;

/// <summary>Tests that load the host by themselves run one by one, after the others: commands have time limits of their own.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class StressCollection
{
    /// <summary>Name of the collection.</summary>
    public const string Name = "stress";
}
