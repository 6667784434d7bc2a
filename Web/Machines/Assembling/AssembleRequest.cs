namespace Hyperpatch.Web.Machines.Assembling;

/// <summary>A source to assemble.</summary>
public sealed record AssembleRequest
{
    /// <summary>Assembly language for the GNU assembler, 64-bit code.</summary>
    public string? Source { get; init; }

    /// <summary>intel or att. Default: intel, registers without %.</summary>
    public string? Syntax { get; init; }
}
