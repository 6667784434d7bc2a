namespace Hyperpatch.Web.Machines.Inspection;

/// <summary>A named bit of a register.</summary>
/// <param name="Name">As in the vendors' manuals, such as <c>ZF</c>.</param>
/// <param name="Bit">Its number, from 0.</param>
/// <param name="Title">What it means while it is set.</param>
public sealed record RegisterBit(string Name, int Bit, string Title)
{
    /// <summary>Whether it is set.</summary>
    public bool IsSetIn(ulong value) => (value >> Bit & 1) != 0;
}
