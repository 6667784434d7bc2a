using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>An instruction that has memory at ESI (RSI), and how that must be aligned while alignment is checked.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Alignment">Bytes: 1 where nothing is checked.</param>
/// <param name="Emit">Writes the instruction.</param>
public sealed record AlignmentRow(string Name, int Alignment, Action<Assembler> Emit)
{
    /// <summary>32 or 64; 0 for both.</summary>
    public int Bits { get; init; }

    /// <summary>Writes what comes before, while nothing is checked.</summary>
    public Action<Assembler>? Before { get; init; }

    /// <summary>Has the stack pointer at the memory, too.</summary>
    public bool IsOnStack { get; init; }

    /// <summary>The exception: #AC, or #GP for what must be aligned in any case.</summary>
    public int Vector { get; init; } = 17;

    /// <summary>Distance of the right addresses from a multiple of the alignment.</summary>
    public int Shift { get; init; }

    /// <summary>The same on AMD's processors, where it is different.</summary>
    public int? AmdAlignment { get; init; }

    /// <summary>Whether KVM's emulator carries it out in places, not the processor.</summary>
    public bool IsEmulated { get; init; }

    /// <summary>The exception at an address, or #UD, which follows the instruction.</summary>
    /// <param name="offset">Distance of the address from a multiple of 16.</param>
    /// <param name="vendor">Whose processor it is.</param>
    public int VectorAt(int offset, GuestVendor vendor) =>
        (offset - Shift) % (vendor == GuestVendor.Amd ? AmdAlignment ?? Alignment : Alignment) == 0 ? 6 : Vector;

    /// <inheritdoc/>
    public override string ToString() => Name;
}
