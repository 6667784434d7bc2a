namespace Hyperpatch.Engine.Interception;

/// <summary>
/// The sites that one processor met lately, in front of the machine's table: a hypercall in a loop is found without a search. Used on the
/// processor's thread only.
/// </summary>
/// <param name="sites">The machine's table.</param>
internal sealed class RecentSites(HypercallSiteTable sites)
{
    private const int Size = 64;
    private readonly HypercallSite?[] _recent = new HypercallSite?[Size];
    private int _generation;

    /// <summary>Finds a site, or makes one.</summary>
    /// <param name="linear">Linear address, for a new one.</param>
    /// <param name="physical">Guest-physical address of the last byte.</param>
    /// <returns>The site, or null when the table is full.</returns>
    public HypercallSite? GetOrAdd(ulong linear, ulong physical)
    {
        ref HypercallSite? place = ref _recent[(physical ^ (physical >> 6)) % Size];
        return place is { } site && site.Physical == physical && _generation == sites.Generation ? site : Find(linear, physical, ref place);
    }

    private HypercallSite? Find(ulong linear, ulong physical, ref HypercallSite? place)
    {
        int generation = sites.Generation;
        if (_generation != generation)
        {
            Array.Clear(_recent);
            _generation = generation;
        }

        HypercallSite? site = sites.GetOrAdd(linear, physical);
        if (site is not null)
        {
            place = site;
        }

        return site;
    }
}
