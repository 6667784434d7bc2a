using System.Globalization;

namespace Hyperpatch.Engine.Benchmarks;

/// <summary>CPU time of this process's threads by their name (proc(5), /proc/self/task).</summary>
internal static class ThreadTimes
{
    // Fields 14 and 15 of stat, in clock ticks, which are 10 ms for every program on Linux (USER_HZ); counted behind the name's bracket.
    private const int UserField = 11;
    private const int TicksPerSecond = 100;
    private const int LongestName = 15;

    /// <summary>Of all threads whose name begins with something, user and system together.</summary>
    public static TimeSpan Of(string prefix)
    {
        string known = prefix.Length > LongestName ? prefix[..LongestName] : prefix;
        long ticks = 0;
        foreach (string task in Directory.EnumerateDirectories("/proc/self/task"))
        {
            try
            {
                if (!File.ReadAllText(Path.Combine(task, "comm")).StartsWith(known, StringComparison.Ordinal))
                {
                    continue;
                }

                string stat = File.ReadAllText(Path.Combine(task, "stat"));
                string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
                ticks += long.Parse(fields[UserField], CultureInfo.InvariantCulture) + long.Parse(fields[UserField + 1], CultureInfo.InvariantCulture);
            }
            catch (IOException)
            {
                // The thread ended meanwhile.
            }
        }

        return TimeSpan.FromSeconds((double)ticks / TicksPerSecond);
    }
}
