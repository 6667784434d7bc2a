using Hyperpatch.Web.Texts;

namespace Hyperpatch.Web.Components.Machines;

/// <summary>The policies in words.</summary>
/// <param name="Id">Name in the API.</param>
/// <param name="Text">What is done with the wrong vendor's hypercall.</param>
public sealed record PolicyChoice(string Id, string Text)
{
    /// <summary>All of them, the default first.</summary>
    public static IReadOnlyList<PolicyChoice> All { get; } =
    [
        new("force", MachineTexts.PolicyForce),
        new("faithful", MachineTexts.PolicyFaithful),
        new("emulate", MachineTexts.PolicyEmulate),
        new("inject", MachineTexts.PolicyInject),
    ];

    /// <summary>What a policy does.</summary>
    public static string Describe(string id) => All.FirstOrDefault(choice => choice.Id == id)?.Text ?? "";
}
