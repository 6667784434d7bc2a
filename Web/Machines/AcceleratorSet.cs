using System.Runtime.InteropServices;
using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Accelerators.Kvm;
using Hyperpatch.Engine.Accelerators.Software;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Vendors;
using Hyperpatch.Web.Configuration;
using Hyperpatch.Web.Machines.Views;

namespace Hyperpatch.Web.Machines;

/// <summary>The back ends of this host, in the order in which <c>auto</c> takes them.</summary>
public sealed class AcceleratorSet : IDisposable
{
    private readonly EngineOptions _options;
    private readonly IReadOnlyList<IAccelerator> _accelerators;

    /// <summary>Makes the back ends; nothing is opened yet.</summary>
    public AcceleratorSet(EngineOptions options)
        : this(options, Create(options))
    {
    }

    /// <summary>Takes given back ends.</summary>
    internal AcceleratorSet(EngineOptions options, IReadOnlyList<IAccelerator> accelerators)
    {
        _options = options;
        _accelerators = accelerators;
    }

    /// <summary>The names that a request may give.</summary>
    public static IEnumerable<string> Names => Words.Lower<AcceleratorChoice>();

    /// <summary>Finds the back end for a choice: one that refuses with the reason where there is none.</summary>
    /// <param name="choice">The choice, or null for the settings'.</param>
    /// <param name="deterministic">
    /// Whether runs must repeat exactly: <c>auto</c> then takes only a back end that can do so. One that is asked for by name is
    /// given all the same; the machine refuses it in its own words.
    /// </param>
    public IAccelerator Select(AcceleratorChoice? choice = null, bool deterministic = false)
    {
        AcceleratorChoice wanted = choice ?? _options.Accelerator;
        List<string> reasons = [];
        foreach (IAccelerator candidate in _accelerators)
        {
            if (wanted == AcceleratorChoice.Auto
                ? deterministic && candidate is not IDeterministicAccelerator
                : !string.Equals(candidate.Name, wanted.ToString(), StringComparison.OrdinalIgnoreCase))
            {
                continue;
            }

            AcceleratorAvailability availability = candidate.Check();
            if (availability.IsAvailable)
            {
                return candidate;
            }

            reasons.Add(availability.Reason);
        }

        string name = wanted.ToString().ToLowerInvariant();
        return new UnavailableAccelerator(name, reasons.Count > 0
            ? string.Join(" ", reasons)
            : $"This version has no accelerator \"{name}\"; it has: {string.Join(", ", _accelerators.Select(known => known.Name))}.");
    }

    /// <summary>What there is on this host.</summary>
    public HostView View() => new(
        RuntimeInformation.OSDescription,
        Environment.ProcessorCount,
        GC.GetGCMemoryInfo().TotalAvailableMemoryBytes >> 20,
        Select() is var selected and not UnavailableAccelerator ? selected.Name : null,
        Level(_options) is { } level ? PolicyNames.Of(level) : null,
        [.. _accelerators.Select(View)]);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (IDisposable accelerator in _accelerators.OfType<IDisposable>())
        {
            accelerator.Dispose();
        }
    }

    private static IReadOnlyList<IAccelerator> Create(EngineOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return [new KvmAccelerator(Level(options)), new SoftwareAccelerator()];
    }

    private static InterceptionLevel? Level(EngineOptions options) => options.InterceptionLevel switch
    {
        LevelChoice.Trap => InterceptionLevel.Trap,
        LevelChoice.Native => InterceptionLevel.Native,
        LevelChoice.Step => InterceptionLevel.Step,
        _ => null,
    };

    private static AcceleratorView View(IAccelerator accelerator)
    {
        AcceleratorAvailability availability = accelerator.Check();
        if (!availability.IsAvailable)
        {
            return new AcceleratorView(accelerator.Name, false, availability.Reason, new Dictionary<string, string>(), []);
        }

        try
        {
            HostProbe? probe = (accelerator as IHostProbe)?.Probe();
            return new AcceleratorView(
                accelerator.Name,
                true,
                availability.Reason,
                CpuVendor.All.ToDictionary(vendor => vendor.Id, vendor => PolicyNames.Of(accelerator.SelectLevel(vendor))),
                [.. (probe?.Results ?? []).Select(result => new ProbeView(result.Instruction, result.Bytes, result.Outcome.ToString(), result.Detail))]);
        }
        catch (AcceleratorException exception)
        {
            return new AcceleratorView(accelerator.Name, false, exception.Message, new Dictionary<string, string>(), []);
        }
    }
}
