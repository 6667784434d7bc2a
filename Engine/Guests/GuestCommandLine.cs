using System.Globalization;

namespace Hyperpatch.Engine.Guests;

/// <summary>
/// The words of a guest's command line, <c>name=value</c> separated by blanks. A guest asks for each word that it
/// knows and then calls <see cref="Finish"/>, which refuses the rest.
/// </summary>
internal sealed class GuestCommandLine
{
    private readonly string _guest;
    private readonly Dictionary<string, string> _words = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<string> _known = [];

    /// <summary>Splits a command line.</summary>
    /// <param name="guest">The guest's name, for messages.</param>
    /// <param name="text">The command line; null and empty mean no words.</param>
    /// <exception cref="GuestOptionException">A word is not of the form <c>name=value</c>, or comes twice.</exception>
    public GuestCommandLine(string guest, string? text)
    {
        _guest = guest;
        foreach (string word in (text ?? string.Empty).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = word.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0 || equals == word.Length - 1)
            {
                throw new GuestOptionException($"{guest}: '{word}' is not a word of the form name=value.");
            }

            if (!_words.TryAdd(word[..equals], word[(equals + 1)..]))
            {
                throw new GuestOptionException($"{guest}: '{word[..equals]}' is given twice.");
            }
        }
    }

    /// <summary>Takes a whole number in decimal.</summary>
    /// <param name="name">The word's name.</param>
    /// <param name="fallback">Value when the word is not there.</param>
    /// <param name="minimum">Smallest value allowed.</param>
    /// <param name="maximum">Largest value allowed.</param>
    /// <exception cref="GuestOptionException">The value is no number or is out of range.</exception>
    public long Number(string name, long fallback, long minimum, long maximum)
    {
        string range = string.Create(CultureInfo.InvariantCulture, $"{minimum} to {maximum}");
        _known.Add($"{name}={range}");
        if (!_words.Remove(name, out string? value))
        {
            return fallback;
        }

        return long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out long number)
            && number >= minimum && number <= maximum
            ? number
            : throw new GuestOptionException($"{_guest}: {name}={value}: a whole number from {range} is needed.");
    }

    /// <summary>Takes one of a few names.</summary>
    /// <param name="name">The word's name.</param>
    /// <param name="choices">What is allowed; the first is the value when the word is not there.</param>
    /// <exception cref="GuestOptionException">The value is none of them.</exception>
    public string Choice(string name, params ReadOnlySpan<string> choices)
    {
        _known.Add($"{name}={string.Join('|', choices)}");
        if (!_words.Remove(name, out string? value))
        {
            return choices[0];
        }

        foreach (string choice in choices)
        {
            if (string.Equals(choice, value, StringComparison.OrdinalIgnoreCase))
            {
                return choice;
            }
        }

        throw new GuestOptionException($"{_guest}: {name}={value}: one of {string.Join(", ", choices)} is needed.");
    }

    /// <summary>Refuses words that nobody asked for.</summary>
    /// <exception cref="GuestOptionException">There is one.</exception>
    public void Finish()
    {
        foreach (string name in _words.Keys)
        {
            string allowed = _known.Count == 0 ? "it takes none" : $"it takes {string.Join(", ", _known)}";
            throw new GuestOptionException($"{_guest}: unknown word '{name}={_words[name]}': {allowed}.");
        }
    }
}
