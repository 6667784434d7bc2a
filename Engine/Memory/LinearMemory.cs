namespace Hyperpatch.Engine.Memory;

/// <summary>Reads guest memory by linear address, page by page, with the host's rights (supervisor data reads).</summary>
public static class LinearMemory
{
    /// <summary>Copies out of guest memory as the processor itself does for its tables and stacks.</summary>
    /// <param name="memory">Guest memory.</param>
    /// <param name="state">Control registers.</param>
    /// <param name="linear">Linear address.</param>
    /// <param name="destination">Filled from the start.</param>
    /// <returns>Bytes read before the first page without translation or backing.</returns>
    public static int Read(GuestMemory memory, in PagingState state, ulong linear, Span<byte> destination)
    {
        PagingState supervisor = state;
        supervisor.Cpl = 0;
        supervisor.Rflags |= PagingState.RflagsAc;
        return Read(memory, supervisor, linear, destination, MemoryAccess.Read, out _);
    }

    /// <summary>Fetches instruction bytes with the guest's own rights.</summary>
    /// <param name="memory">Guest memory.</param>
    /// <param name="state">Control registers and privilege level.</param>
    /// <param name="linear">Linear address.</param>
    /// <param name="destination">Filled from the start; at most 15 bytes make sense.</param>
    /// <param name="fault">The fault that ended the fetch, when fewer bytes are returned than asked for.</param>
    /// <returns>Bytes fetched.</returns>
    public static int Fetch(GuestMemory memory, in PagingState state, ulong linear, Span<byte> destination, out PageFault fault) =>
        Read(memory, state, linear, destination, MemoryAccess.Execute, out fault);

    private static int Read(
        GuestMemory memory, in PagingState state, ulong linear, Span<byte> destination, MemoryAccess access, out PageFault fault)
    {
        int done = 0;
        while (done < destination.Length)
        {
            ulong at = linear + (ulong)done;
            if (!PageWalker.TryTranslate(memory, state, at, access, out ulong physical, out fault))
            {
                return done;
            }

            int chunk = Math.Min(destination.Length - done, GuestMemory.PageSize - (int)(at & (GuestMemory.PageSize - 1)));
            if (!memory.TryRead(physical, destination.Slice(done, chunk)))
            {
                fault = default;
                return done;
            }

            done += chunk;
        }

        fault = default;
        return done;
    }
}
