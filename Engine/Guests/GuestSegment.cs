namespace Hyperpatch.Engine.Guests;

/// <summary>Bytes of an image and where they go.</summary>
/// <param name="Address">Guest-physical address.</param>
/// <param name="Bytes">Content.</param>
public sealed record GuestSegment(ulong Address, ReadOnlyMemory<byte> Bytes);
