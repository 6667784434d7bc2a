using System.Globalization;

namespace Hyperpatch.Engine.Guests.BuiltIn;

/// <summary>What all guests of the catalogue check before they are assembled.</summary>
internal abstract class CatalogueGuest : BuiltInGuest
{
    /// <inheritdoc/>
    public sealed override GuestImage Build(GuestBuildOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Processors < MinimumProcessors || options.Processors > MaximumProcessors)
        {
            string allowed = MinimumProcessors == MaximumProcessors
                ? string.Create(CultureInfo.InvariantCulture, $"exactly {MaximumProcessors} is needed")
                : string.Create(CultureInfo.InvariantCulture, $"{MinimumProcessors} to {MaximumProcessors} are needed");
            throw new GuestOptionException(
                string.Create(CultureInfo.InvariantCulture, $"{Name}: {options.Processors} processors: {allowed}."));
        }

        if (options.MemoryBytes < (ulong)MinimumMemoryMiB << 20)
        {
            throw new GuestOptionException(string.Create(
                CultureInfo.InvariantCulture,
                $"{Name}: {options.MemoryBytes} bytes of memory: at least {MinimumMemoryMiB} MiB are needed."));
        }

        var words = new GuestCommandLine(Name, options.CommandLine);
        Func<GuestImage> assemble = Prepare(options.Processors, words);
        words.Finish();
        return assemble();
    }

    /// <summary>Takes the words of the command line.</summary>
    /// <param name="processors">Number of processors, in range.</param>
    /// <param name="words">The command line.</param>
    /// <returns>What assembles the guest, once all words are known to be good.</returns>
    protected abstract Func<GuestImage> Prepare(int processors, GuestCommandLine words);
}
