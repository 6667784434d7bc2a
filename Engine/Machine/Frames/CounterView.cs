namespace Hyperpatch.Engine.Machine.Frames;

/// <summary>A machine's totals.</summary>
/// <param name="Exits">Exits.</param>
/// <param name="Hypercalls">Hypercalls served; at level <c>native</c> those that the kernel served unseen included.</param>
/// <param name="Patches">Bytes written.</param>
/// <param name="InjectedUd">#UD that the guest got.</param>
/// <param name="DroppedEvents">Exits that are counted but were not kept.</param>
public sealed record CounterView(long Exits, long Hypercalls, long Patches, long InjectedUd, long DroppedEvents);
