namespace Hyperpatch.Engine.Accelerators;

/// <summary>Optional ability of a partition whose host serves hypercalls unseen: show the calls of a few sites all the same.</summary>
public interface IWatchHypercallSites
{
    /// <summary>Asks that calls at a site come to the host. Beyond the few that the host can watch, nothing happens.</summary>
    /// <param name="linear">Linear address of the instruction.</param>
    void WatchSite(ulong linear);
}
