namespace Hyperpatch.Web.Machines.Stories;

/// <summary>What may still come of an exit whose processor has had no exit since.</summary>
public enum StoryOutlook
{
    /// <summary>The machine is paused: it comes with the next step.</summary>
    Paused,

    /// <summary>The machine runs: it may come at any moment.</summary>
    Running,

    /// <summary>Nothing: the guest is over or was reset, or what came was lost.</summary>
    Nothing,
}
