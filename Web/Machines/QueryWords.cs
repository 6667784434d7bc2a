namespace Hyperpatch.Web.Machines;

/// <summary>What is said of words in an address that are not allowed there, in the API and on the pages. What comes back has a bound.</summary>
internal static class QueryWords
{
    private const int MostShown = 40;

    /// <summary>A word as it is shown: the first 40 characters of a long one.</summary>
    /// <param name="word">As it was given.</param>
    public static string Cut(string word) => word.Length > MostShown ? word[..MostShown] + "…" : word;

    /// <summary>The sentence for a parameter that is not allowed.</summary>
    /// <param name="name">The parameter.</param>
    /// <param name="word">As it was given.</param>
    /// <param name="allowed">What is allowed, for people.</param>
    public static string NotAllowed(string name, string word, string allowed) => $"Parameter \"{name}\" is \"{Cut(word)}\"; allowed: {allowed}.";

    /// <summary>The same where certain words are allowed.</summary>
    /// <param name="name">The parameter.</param>
    /// <param name="word">As it was given.</param>
    /// <param name="allowed">The words.</param>
    public static string NotAllowed(string name, string word, IEnumerable<string> allowed) => NotAllowed(name, word, string.Join(", ", allowed));
}
