namespace Hyperpatch.Engine.Guests;

/// <summary>Processor mode in which a guest image starts.</summary>
public enum GuestMode
{
    /// <summary>Real mode: 16-bit segments, interrupt vectors at 0.</summary>
    Real,

    /// <summary>32-bit protected mode, paging off unless CR3 is given.</summary>
    Protected,

    /// <summary>64-bit mode, 4-level paging.</summary>
    Long,
}
