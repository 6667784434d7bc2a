using Hyperpatch.Engine.Memory;

namespace Hyperpatch.Engine.Hypercalls;

/// <summary>
/// MAP_GPA_RANGE: a0 address, a1 pages, a2 attributes. A guest tells the host which pages it shares; memory here is never
/// encrypted, so the answer to a well-formed request is that it is so.
/// </summary>
internal static class MapGpaRange
{
    public static long Handle(IHypercallHost host, in HypercallCall call)
    {
        if (!host.OffersMapGpaRange)
        {
            return HypercallError.NoSuchCall;
        }

        ulong address = call.Argument0;
        ulong pages = call.Argument1;
        bool isWrapping = pages > (ulong.MaxValue - address) / GuestMemory.PageSize;
        return pages == 0 || address % GuestMemory.PageSize != 0 || isWrapping ? HypercallError.Invalid : 0;
    }
}
