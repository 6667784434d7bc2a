namespace Hyperpatch.Engine.Guests;

/// <summary>What a machine can be made of: a guest of the catalogue, or an image that somebody brings along.</summary>
public abstract class MachineGuest
{
    /// <summary>Name: in the catalogue that of configuration, API and command line, such as <c>pv-spinlock</c>; else the file's.</summary>
    public abstract string Name { get; }

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

    /// <summary>Makes the image that a machine loads.</summary>
    /// <param name="options">Processors, memory, command line.</param>
    /// <exception cref="GuestOptionException">The command line has an unknown word or a value out of range.</exception>
    /// <exception cref="Loading.GuestImageException">The image does not fit the machine.</exception>
    public abstract GuestImage Build(GuestBuildOptions options);
}
