using Hyperpatch.Web.Configuration;

namespace Hyperpatch.Web.Machines.Inspection;

/// <summary>Names of <see cref="AddressSpace"/> in addresses and in the API.</summary>
public static class AddressSpaces
{
    private static readonly string[] s_names = [.. Words.Lower<AddressSpace>()];

    /// <summary>virtual or physical.</summary>
    public static string Name(this AddressSpace space) => s_names[(int)space];

    /// <summary>The space of a name; virtual where it is none.</summary>
    /// <param name="name">As of <see cref="Name"/>.</param>
    public static AddressSpace Parse(string? name) => Words.TryParse(name, out AddressSpace space) ? space : AddressSpace.Virtual;
}
