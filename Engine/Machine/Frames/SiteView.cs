namespace Hyperpatch.Engine.Machine.Frames;

/// <summary>A hypercall site at one moment.</summary>
/// <param name="Id">Number of the site.</param>
/// <param name="Address">Linear address, hexadecimal with 0x.</param>
/// <param name="Bytes">The instruction's bytes, such as <c>0F 01 D9</c>.</param>
/// <param name="Instruction">Mnemonic.</param>
/// <param name="PatchOffset">Index in <paramref name="Bytes"/> of the byte that patches change.</param>
/// <param name="Calls">Hypercalls served from here.</param>
/// <param name="Patches">Times that it was patched.</param>
/// <param name="Attempts">Times that the wrong form was met, whatever was done.</param>
/// <param name="LastVendor">Vendor under which it was last used, or null.</param>
public sealed record SiteView(
    int Id, string Address, string Bytes, string Instruction, int PatchOffset, long Calls, long Patches, long Attempts, string? LastVendor);
