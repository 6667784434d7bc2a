namespace Hyperpatch.Engine.Guests;

/// <summary>A guest of the catalogue: assembled to machine code when a machine is created.</summary>
public abstract class BuiltInGuest : MachineGuest
{
    /// <summary>One sentence on what a person sees it do.</summary>
    public abstract string Description { get; }

    /// <summary>The words that its command line takes, for help texts; empty when it takes none.</summary>
    public virtual string CommandLineHelp => string.Empty;
}
