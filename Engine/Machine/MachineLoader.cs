using Hyperpatch.Engine.Guests;
using Hyperpatch.Engine.Memory;

namespace Hyperpatch.Engine.Machine;

/// <summary>Puts an image into guest memory.</summary>
internal static class MachineLoader
{
    /// <summary>Adds the image's ROM regions.</summary>
    public static void AddRom(GuestMemory memory, GuestImage image)
    {
        foreach (GuestSegment segment in image.Rom)
        {
            memory.AddRom(segment.Address, segment.Bytes.Span);
        }
    }

    /// <summary>Writes the image's RAM segments.</summary>
    /// <exception cref="MachineOptionException">They do not fit.</exception>
    public static void Load(GuestMemory memory, GuestImage image)
    {
        foreach (GuestSegment segment in image.Segments)
        {
            if (!memory.TryWrite(segment.Address, segment.Bytes.Span))
            {
                ulong end = segment.Address + (ulong)segment.Bytes.Length;
                throw new MachineOptionException(
                    "memoryMiB", $"The guest needs memory up to 0x{end:X}; {memory.RamBytes >> 20} MiB are too few.");
            }
        }
    }
}
