namespace Hyperpatch.Engine.Accelerators.Software.Apic;

/// <summary>One processor's time, as its APIC timer needs it: the host's clock, a test's, or one made from the instruction count.</summary>
internal interface IApicClock
{
    /// <summary>Nanoseconds since any fixed moment. Never goes back.</summary>
    ulong Now { get; }

    /// <summary>When the guest's time-stamp counter reaches a value, as it runs now: in terms of <see cref="Now"/>, rounded up.</summary>
    /// <param name="timestamp">The value.</param>
    /// <returns>The moment; anything up to <see cref="Now"/> when it is reached already; <see cref="ulong.MaxValue"/> when never.</returns>
    ulong TimeOfTimestamp(ulong timestamp);
}
