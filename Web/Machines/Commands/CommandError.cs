namespace Hyperpatch.Web.Machines.Commands;

/// <summary>Why a command was not carried out.</summary>
/// <param name="Kind">The sort of error.</param>
/// <param name="Message">A sentence for people.</param>
public sealed record CommandError(CommandErrorKind Kind, string Message)
{
    /// <summary>For <see cref="CommandErrorKind.Invalid"/>: what is wrong, by the field's name as in the API (camel case).</summary>
    public IReadOnlyDictionary<string, string[]> Fields { get; init; } = new Dictionary<string, string[]>();

    /// <summary>Only operators may.</summary>
    public static CommandError Forbidden { get; } = new(CommandErrorKind.Forbidden, "Viewers can watch; only operators can do this.");

    /// <summary>There is no such machine.</summary>
    public static CommandError NotFound(string id) => new(CommandErrorKind.NotFound, $"There is no machine \"{id}\".");

    /// <summary>Fields with their errors.</summary>
    public static CommandError Invalid(IReadOnlyDictionary<string, string[]> fields)
    {
        ArgumentNullException.ThrowIfNull(fields);
        return new CommandError(CommandErrorKind.Invalid, string.Join(" ", fields.Values.SelectMany(messages => messages))) { Fields = fields };
    }

    /// <summary>One field with its error.</summary>
    public static CommandError Invalid(string field, string message) => Invalid(new Dictionary<string, string[]> { [field] = [message] });
}
