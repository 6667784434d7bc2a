using System.Globalization;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Web.Configuration;

namespace Hyperpatch.Web.Machines;

/// <summary>A filter of exits as it stands in an address: the same words in the API and on the page.</summary>
public static class ExitFilterQuery
{
    /// <summary>Lowest RIP.</summary>
    public const string RipFrom = "ripFrom";

    /// <summary>Highest RIP.</summary>
    public const string RipTo = "ripTo";

    /// <summary>Port.</summary>
    public const string Port = "port";

    /// <summary>Hypercall number.</summary>
    public const string Hypercall = "hypercall";

    /// <summary>What a RIP looks like, for people.</summary>
    public const string RipForm = "a hexadecimal address such as 0x100000";

    /// <summary>What a port looks like.</summary>
    public const string PortForm = "0 to 65535, or hexadecimal such as 0x3F8";

    /// <summary>What a hypercall number looks like.</summary>
    public const string HypercallForm = "a whole number, or hexadecimal with 0x";

    /// <summary>Reads a filter.</summary>
    /// <param name="value">The value of a name, null where it is not given.</param>
    /// <param name="processors">How many processors there are.</param>
    /// <param name="errors">Gets what is wrong, by name.</param>
    /// <returns>The filter: what was wrong is left out of it.</returns>
    public static ExitFilter Parse(Func<string, string?> value, int processors, IDictionary<string, string[]> errors)
    {
        ArgumentNullException.ThrowIfNull(value);
        ArgumentNullException.ThrowIfNull(errors);
        ExitFilter filter = new()
        {
            Reason = Reason(),
            Processor = (int?)Number("processor", string.Create(CultureInfo.InvariantCulture, $"0 to {processors - 1}"), (ulong)Math.Max(0, processors - 1)),
            RipFrom = Number(RipFrom, RipForm, ulong.MaxValue, isAddress: true),
            RipTo = Number(RipTo, RipForm, ulong.MaxValue, isAddress: true),
            Port = (ushort?)Number(Port, PortForm, ushort.MaxValue),
            Hypercall = Number(Hypercall, HypercallForm, ulong.MaxValue),
        };
        if (filter.RipFrom > filter.RipTo)
        {
            errors[RipTo] = [$"Parameter \"{RipTo}\" is lower than \"{RipFrom}\"."];
            return filter with { RipTo = null };
        }

        return filter;

        ExitReason? Reason()
        {
            if (value("reason") is not { Length: > 0 } word)
            {
                return null;
            }

            if (Words.TryParse(word, out ExitReason parsed) && parsed != ExitReason.None)
            {
                return parsed;
            }

            errors["reason"] = [QueryWords.NotAllowed("reason", word, Enum.GetNames<ExitReason>().Skip(1))];
            return null;
        }

        ulong? Number(string name, string form, ulong most, bool isAddress = false)
        {
            if (value(name)?.Trim() is not { Length: > 0 } text)
            {
                return null;
            }

            if (TryParse(text, isAddress, out ulong number) && number <= most)
            {
                return number;
            }

            errors[name] = [QueryWords.NotAllowed(name, text, form)];
            return null;
        }
    }

    /// <summary>The filter's part of an address: names and values.</summary>
    /// <param name="filter">The filter.</param>
    public static IEnumerable<KeyValuePair<string, string?>> Write(ExitFilter filter)
    {
        yield return new("reason", filter.Reason?.Name());
        yield return new("processor", filter.Processor?.ToString(CultureInfo.InvariantCulture));
        yield return new(RipFrom, Hex(filter.RipFrom));
        yield return new(RipTo, Hex(filter.RipTo));
        yield return new(Port, Hex(filter.Port));
        yield return new(Hypercall, filter.Hypercall?.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>A number as it is shown in a field, or nothing.</summary>
    /// <param name="value">The number.</param>
    public static string? Hex(ulong? value) => value is { } number ? Engine.Machine.Frames.ExitEvents.Hex(number) : null;

    private static bool TryParse(string text, bool isAddress, out ulong number)
    {
        bool isMarked = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        return isMarked || isAddress
            ? ulong.TryParse(isMarked ? text[2..] : text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number)
            : ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
    }
}
