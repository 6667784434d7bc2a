using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Memory;

namespace Hyperpatch.Engine.Machine;

/// <summary>A processor's registers at one moment.</summary>
public sealed record ProcessorSnapshot
{
    /// <summary>When it was taken.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>General-purpose registers, RIP, RFLAGS.</summary>
    public required GuestRegisters Registers { get; init; }

    /// <summary>Segments, tables, control registers.</summary>
    public required SystemRegisters System { get; init; }

    /// <summary>Width of the code: 16, 32 or 64.</summary>
    public required int CodeBits { get; init; }

    /// <summary>Privilege level.</summary>
    public required int Cpl { get; init; }

    /// <summary>What address translation depends on.</summary>
    public PagingState Paging => new()
    {
        Cr0 = System.Cr0,
        Cr3 = System.Cr3,
        Cr4 = System.Cr4,
        Efer = System.Efer,
        Rflags = Registers.Rflags,
        Cpl = (byte)Cpl,
    };
}
