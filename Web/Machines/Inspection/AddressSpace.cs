namespace Hyperpatch.Web.Machines.Inspection;

/// <summary>What an address means.</summary>
public enum AddressSpace
{
    /// <summary>Guest-virtual: linear, translated by a processor's page tables.</summary>
    Virtual,

    /// <summary>Guest-physical.</summary>
    Physical,
}
