namespace Hyperpatch.Web.Machines.Views;

/// <summary>What a pane shows as a plain table: for files, and for whoever wants figures instead of pictures.</summary>
/// <param name="Columns">Names of the columns.</param>
/// <param name="Rows">Rows, each with as many values as there are columns: texts, numbers, or null where there is none.</param>
public sealed record ViewTable(IReadOnlyList<string> Columns, IReadOnlyList<IReadOnlyList<object?>> Rows);
