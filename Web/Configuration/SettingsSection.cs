using System.Globalization;

namespace Hyperpatch.Web.Configuration;

/// <summary>
/// Reads one section of the configuration strictly: every value is checked against what is allowed, and a key that nobody
/// asked for is an error, since it is nearly always a misspelt one.
/// </summary>
/// <remarks>The framework's binder ignores unknown keys and reports bad ones with a stack trace; a person needs one line.</remarks>
internal sealed class SettingsSection
{
    private readonly IConfigurationSection _section;
    private readonly HashSet<string> _known = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Opens the section <paramref name="name"/>; a missing section means that every key has its default.</summary>
    /// <exception cref="SettingsException">The section itself was given a value, as by <c>--Security=None</c>: it would change nothing.</exception>
    public SettingsSection(IConfiguration configuration, string name)
    {
        _section = configuration.GetSection(name);
        RefuseValue(_section);
    }

    /// <summary>Refuses a value in the place of a whole section. The files' own keys of the section would otherwise hide it.</summary>
    /// <exception cref="SettingsException">There is one.</exception>
    public static void RefuseValue(IConfigurationSection section)
    {
        if (!string.IsNullOrEmpty(section.Value))
        {
            string example = section.GetChildren().FirstOrDefault()?.Path is { } path ? $", such as {path}" : string.Empty;
            throw SettingsException.ForKey(section.Path, section.Value, $"no value of its own, for it is a section of keys{example}");
        }
    }

    /// <summary>Text, or null where the key is missing or empty.</summary>
    public string? Text(string key)
    {
        _known.Add(key);
        IConfigurationSection entry = _section.GetSection(key);
        if (entry.GetChildren().FirstOrDefault() is { } child)
        {
            throw new SettingsException($"Setting {child.Path} is not known; {_section.Path}:{key} is a single value.");
        }

        return string.IsNullOrWhiteSpace(entry.Value) ? null : entry.Value.Trim();
    }

    /// <summary>Says that a key is a section of its own, which is read for itself.</summary>
    public void Section(string key) => _known.Add(key);

    /// <summary>True or false.</summary>
    public bool Flag(string key, bool fallback)
    {
        string? text = Text(key);
        return text is null ? fallback : bool.TryParse(text, out bool value) ? value : throw Bad(key, text, "true, false");
    }

    /// <summary>A whole number in a closed range.</summary>
    public int Integer(string key, int minimum, int maximum, int fallback)
    {
        string? text = Text(key);
        if (text is null)
        {
            return fallback;
        }

        return int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value) && value >= minimum && value <= maximum
            ? value
            : throw Bad(key, text, string.Create(CultureInfo.InvariantCulture, $"a whole number from {minimum} to {maximum}"));
    }

    /// <summary>One of the names of an enumeration, in lower case or any other; numbers are not names.</summary>
    public TEnum Choice<TEnum>(string key, TEnum fallback) where TEnum : struct, Enum
    {
        string? text = Text(key);
        if (text is null)
        {
            return fallback;
        }

        foreach (TEnum value in Enum.GetValues<TEnum>())
        {
            if (string.Equals(value.ToString(), text, StringComparison.OrdinalIgnoreCase))
            {
                return value;
            }
        }

        throw Bad(key, text, string.Join(", ", Enum.GetNames<TEnum>().Select(name => name.ToLowerInvariant())));
    }

    /// <summary>An error about a key of this section.</summary>
    public SettingsException Bad(string key, string? value, string allowed) => SettingsException.ForKey($"{_section.Path}:{key}", value, allowed);

    /// <summary>To be called last: refuses keys that were not asked for.</summary>
    public void RefuseUnknownKeys()
    {
        foreach (IConfigurationSection child in _section.GetChildren())
        {
            if (!_known.Contains(child.Key))
            {
                throw new SettingsException($"Setting {child.Path} is not known; allowed keys in {_section.Path}: {string.Join(", ", _known.Order(StringComparer.Ordinal))}.");
            }
        }
    }
}
