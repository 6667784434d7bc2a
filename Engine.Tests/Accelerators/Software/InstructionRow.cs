using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>
/// An instruction, the state before it and the state behind it. States are words: <c>rax=1F</c> (hexadecimal; <c>D</c> is the data area,
/// <c>S</c> the top of the stack, <c>S-10</c> below it), <c>m0</c> to <c>m15</c> quadwords of the data area, <c>s-1</c> quadwords by the
/// stack's top, <c>cr0|8</c> bits added to what the mode has, names of flags that are set. Behind it, what is not named is as before;
/// where any flag is named (or <c>none</c>), the others are clear; <c>~af</c> is undefined, <c>#13:0</c> an exception and its error code.
/// </summary>
/// <param name="Name">Name of the row.</param>
/// <param name="Modes">16: real mode; 32: protected mode; 33: compatibility mode; 64.</param>
/// <param name="Before">The state before.</param>
/// <param name="Emit">The instruction; where there are several, an exception is the last one's.</param>
/// <param name="After">The state behind.</param>
internal sealed record InstructionRow(string Name, int[] Modes, string Before, Action<Assembler> Emit, string After)
{
    /// <summary>Privilege level, 0 or 3.</summary>
    public int Cpl { get; init; }

    /// <summary>Vendor.</summary>
    public GuestVendor Vendor { get; init; }
}
