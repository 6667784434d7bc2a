using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using Hyperpatch.Web.Texts;

namespace Hyperpatch.Web.Machines.Views;

/// <summary>What a host is, in words: the table that the page shows, and its file.</summary>
internal static class HostFacts
{
    /// <summary>Names and values.</summary>
    public static IEnumerable<(string Name, string Value)> Of(HostView host)
    {
        ArgumentNullException.ThrowIfNull(host);
        yield return (PageTexts.OperatingSystem, host.OperatingSystem);
        yield return (PageTexts.LogicalProcessors, host.Processors.ToString(CultureInfo.InvariantCulture));
        yield return (PageTexts.MemoryForGuests, string.Create(CultureInfo.InvariantCulture, $"{host.MemoryMiB:N0} MiB"));
        yield return ("Hyperpatch", Version(typeof(HostFacts).Assembly));
        yield return (".NET", RuntimeInformation.FrameworkDescription);
        yield return (PageTexts.Disassembler, $"Iced {Version(typeof(Iced.Intel.Decoder).Assembly)}");
    }

    private static string Version(Assembly assembly) =>
        assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? assembly.GetName().Version?.ToString() ?? "";
}
