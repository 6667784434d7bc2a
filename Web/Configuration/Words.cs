using System.Diagnostics.CodeAnalysis;

namespace Hyperpatch.Web.Configuration;

/// <summary>Names of enumerations as people type them.</summary>
internal static class Words
{
    /// <summary>Finds a value by its name, without regard to case; numbers are not names.</summary>
    public static bool TryParse<T>([NotNullWhen(true)] string? word, out T value) where T : struct, Enum
    {
        string? name = Array.Find(Enum.GetNames<T>(), candidate => string.Equals(candidate, word, StringComparison.OrdinalIgnoreCase));
        value = name is null ? default : Enum.Parse<T>(name);
        return name is not null;
    }

    /// <summary>All names in lower case, in the order of their values.</summary>
    public static IEnumerable<string> Lower<T>() where T : struct, Enum => Enum.GetNames<T>().Select(name => name.ToLowerInvariant());
}
