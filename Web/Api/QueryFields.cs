using System.Globalization;
using Hyperpatch.Web.Machines;
using Hyperpatch.Web.Machines.Commands;

namespace Hyperpatch.Web.Api;

/// <summary>Reads query parameters and gathers what is wrong with them, by name.</summary>
internal sealed class QueryFields(IQueryCollection query)
{
    /// <summary>What is wrong.</summary>
    public Dictionary<string, string[]> Errors { get; } = [];

    /// <summary>The same as an error, or null where nothing is wrong.</summary>
    public CommandError? Refusal => Errors.Count > 0 ? CommandError.Invalid(Errors) : null;

    /// <summary>A whole number in a closed range, or null where it is not given.</summary>
    public long? Integer(string name, long minimum, long maximum)
    {
        string? text = query[name];
        if (string.IsNullOrEmpty(text))
        {
            return null;
        }

        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long value) && value >= minimum && value <= maximum)
        {
            return value;
        }

        Errors[name] = [QueryWords.NotAllowed(name, text, string.Create(CultureInfo.InvariantCulture, $"a whole number from {minimum} to {maximum}"))];
        return null;
    }

    /// <summary>A word, or null where it is not given.</summary>
    public string? Word(string name) => query[name] is [{ Length: > 0 } text, ..] ? text : null;
}
