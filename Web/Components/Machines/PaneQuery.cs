using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.WebUtilities;

namespace Hyperpatch.Web.Components.Machines;

/// <summary>
/// What the page's address holds for a pane alone. A pane reads it when its parameters are set, which the page does at each change of the
/// address. It must not take it by SupplyParameterFromQuery: a pane that comes up because the address has changed would join those who are
/// told of query parameters while they are being told, and the framework ends the circuit over that.
/// </summary>
internal static class PaneQuery
{
    /// <summary>The value of a name, or null where there is none.</summary>
    /// <param name="navigation">The page's address.</param>
    /// <param name="name">The name.</param>
    public static string? Value(NavigationManager navigation, string name) =>
        QueryHelpers.ParseQuery(navigation.ToAbsoluteUri(navigation.Uri).Query).TryGetValue(name, out Microsoft.Extensions.Primitives.StringValues values)
            ? values[0]
            : null;
}
