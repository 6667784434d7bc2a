using Hyperpatch.Engine.Memory;

namespace Hyperpatch.Web.Machines.Inspection;

/// <summary>What may be done with a page at one privilege: null where it is allowed, else the error code of the #PF.</summary>
/// <param name="Cpl">0 or 3.</param>
/// <param name="Read">Reading.</param>
/// <param name="Write">Writing.</param>
/// <param name="Execute">Fetching instructions.</param>
public sealed record TranslationRights(int Cpl, uint? Read, uint? Write, uint? Execute)
{
    /// <summary>The view of rights.</summary>
    public static TranslationRights Of(PageRights rights) => new(rights.Cpl, rights.Read, rights.Write, rights.Execute);
}
