using Iced.Intel;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>What is carried out between two looks at the registers.</summary>
/// <param name="Text">For a report.</param>
/// <param name="Emit">Emits it.</param>
/// <param name="Plain">The instructions, where it is a sequence of random ones.</param>
/// <param name="Defined">Flags that are compared where it is not.</param>
internal sealed record DifferentialSlot(string Text, Action<Assembler> Emit, Instruction[] Plain, ulong Defined)
{
    /// <summary>Whether the registers must not be larger than a bit index in the scratch area.</summary>
    public bool NeedsSmallRegisters =>
        Plain.Length > 0 && Plain[0].Mnemonic is Mnemonic.Bt or Mnemonic.Bts or Mnemonic.Btr or Mnemonic.Btc;

    /// <summary>Flags that the manuals define after it.</summary>
    /// <param name="cl">CL before it.</param>
    public ulong DefinedAfter(int cl) =>
        Plain.Length == 0 ? Defined : RandomInstructions.All & ~SequenceFlags.UndefinedAfter(Plain, cl);

    /// <summary>Whether even the result is undefined.</summary>
    /// <param name="cl">CL before it.</param>
    public bool IsResultUndefined(int cl) => Plain.Length > 0 && RandomInstructions.IsResultUndefined(Plain[0], cl);
}
