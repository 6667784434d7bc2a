namespace Hyperpatch.Web.Hubs;

/// <summary>What the hub calls on a client.</summary>
public interface IMachinesClient
{
    /// <summary>A machine was created or deleted: ask for the list again.</summary>
    Task MachinesChanged();
}
