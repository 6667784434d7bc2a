using Hyperpatch.Engine.Machine;
using Hyperpatch.Web.Machines.Inspection;

namespace Hyperpatch.Web.Machines.Stepping;

/// <summary>A register that a step changed.</summary>
/// <param name="Name">Its name, such as <c>RAX</c>.</param>
/// <param name="Before">The value before, hexadecimal.</param>
/// <param name="After">The value after, hexadecimal.</param>
/// <param name="Set">Names of the bits that became set, for RFLAGS, CR0, CR4 and EFER.</param>
/// <param name="Cleared">Names of the bits that were cleared, likewise.</param>
public sealed record RegisterChange(string Name, string Before, string After, IReadOnlyList<string> Set, IReadOnlyList<string> Cleared)
{
    /// <summary>What differs between two moments of a processor.</summary>
    public static IReadOnlyList<RegisterChange> Between(ProcessorSnapshot before, ProcessorSnapshot after)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(after);

        // A step may end in another mode, which has more registers, or fewer.
        Dictionary<string, RegisterValue> old = RegisterValue.Of(before).ToDictionary(register => register.Name);
        List<RegisterChange> changes = [];
        foreach (RegisterValue now in RegisterValue.Of(after))
        {
            if (old.TryGetValue(now.Name, out RegisterValue was) && was.Value != now.Value)
            {
                IReadOnlyList<RegisterBit> bits = RegisterBits.Of(now.Name);
                changes.Add(new RegisterChange(
                    now.Name,
                    was.Text,
                    now.Text,
                    [.. bits.Where(bit => !bit.IsSetIn(was.Value) && bit.IsSetIn(now.Value)).Select(bit => bit.Name)],
                    [.. bits.Where(bit => bit.IsSetIn(was.Value) && !bit.IsSetIn(now.Value)).Select(bit => bit.Name)]));
            }
        }

        return changes;
    }
}
