namespace Hyperpatch.Web.Machines.Assembling;

/// <summary>How instructions are written.</summary>
public enum AssemblySyntax
{
    /// <summary>Destination first, registers without a prefix.</summary>
    Intel,

    /// <summary>Source first, registers with %.</summary>
    Att,
}
