namespace Hyperpatch.Engine.Guests;

/// <summary>A guest of the catalogue: assembled to machine code when a machine is created.</summary>
public abstract class BuiltInGuest
{
    /// <summary>Name in configuration, API and command line, such as <c>pv-spinlock</c>.</summary>
    public abstract string Name { get; }

    /// <summary>One sentence on what a person sees it do.</summary>
    public abstract string Description { get; }

    /// <summary>The mode it starts in.</summary>
    public virtual GuestMode Mode => GuestMode.Long;

    /// <summary>Processors that it is best shown with.</summary>
    public virtual int DefaultProcessors => 1;

    /// <summary>Processors at least.</summary>
    public virtual int MinimumProcessors => 1;

    /// <summary>Processors at most, 1 to 64.</summary>
    public virtual int MaximumProcessors => 64;

    /// <summary>RAM that it needs at least, in MiB, with the most processors.</summary>
    public virtual int MinimumMemoryMiB => 4;

    /// <summary>The words that its command line takes, for help texts; empty when it takes none.</summary>
    public virtual string CommandLineHelp => string.Empty;

    /// <summary>Assembles the guest.</summary>
    /// <param name="options">Processors, memory, command line.</param>
    /// <exception cref="GuestOptionException">The command line has an unknown word or a value out of range.</exception>
    public abstract GuestImage Build(GuestBuildOptions options);
}
