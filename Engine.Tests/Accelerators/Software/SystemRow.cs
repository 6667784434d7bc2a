using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>A system instruction, what it is carried out in, and what the manual says of it.</summary>
/// <param name="Name">Name of the row.</param>
/// <param name="Emit">The instruction, with what sets its registers.</param>
internal sealed record SystemRow(string Name, Action<Assembler> Emit)
{
    /// <summary>Privilege level, 0 or 3.</summary>
    public int Cpl { get; init; }

    /// <summary>Bits of CR4 beyond the usual.</summary>
    public ulong Cr4 { get; init; }

    /// <summary>Vendor.</summary>
    public GuestVendor Vendor { get; init; } = GuestVendor.Intel;

    /// <summary>Exception, or null for none.</summary>
    public uint? Vector { get; init; }

    /// <summary>Its error code.</summary>
    public ulong Error { get; init; }

    /// <summary>RAX afterwards, where it is looked at.</summary>
    public ulong? Rax { get; init; }
}
