namespace Hyperpatch.Web.Components.Machines;

/// <summary>The policies in words.</summary>
/// <param name="Id">Name in the API.</param>
/// <param name="Text">What is done with the wrong vendor's hypercall.</param>
public sealed record PolicyChoice(string Id, string Text)
{
    /// <summary>All of them, the default first.</summary>
    public static IReadOnlyList<PolicyChoice> All { get; } =
    [
        new("force", "patch it, whatever the guest's page tables say"),
        new("faithful", "patch it with the guest's own permissions: read-only text gives the guest a page fault"),
        new("emulate", "serve it and leave the guest's memory alone"),
        new("inject", "give the guest its #UD"),
    ];

    /// <summary>What a policy does.</summary>
    public static string Describe(string id) => All.FirstOrDefault(choice => choice.Id == id)?.Text ?? "";
}
