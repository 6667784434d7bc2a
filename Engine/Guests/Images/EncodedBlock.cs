namespace Hyperpatch.Engine.Guests.Images;

/// <summary>Machine code and the linear address (16-bit and based code: the offset) that it was encoded for.</summary>
/// <param name="Address">Address of the first byte.</param>
/// <param name="Bytes">The code.</param>
/// <param name="Flags">Mapping of its pages, when it lies outside the identity map.</param>
internal sealed record EncodedBlock(ulong Address, byte[] Bytes, PageFlags Flags)
{
    /// <summary>Address behind the last byte.</summary>
    public ulong End => Address + (ulong)Bytes.Length;
}
