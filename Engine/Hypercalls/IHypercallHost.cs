using Hyperpatch.Engine.Memory;

namespace Hyperpatch.Engine.Hypercalls;

/// <summary>What hypercall handlers need of the machine. Called on the calling processor's thread.</summary>
public interface IHypercallHost
{
    /// <summary>Guest memory.</summary>
    GuestMemory Memory { get; }

    /// <summary>Number of processors; APIC ids are 0 to this less one.</summary>
    int ProcessorCount { get; }

    /// <summary>Whether MAP_GPA_RANGE is offered.</summary>
    bool OffersMapGpaRange { get; }

    /// <summary>Wakes a processor from HLT, or makes its next HLT return at once.</summary>
    /// <param name="apicId">An APIC id in range.</param>
    void WakeFromHalt(uint apicId);

    /// <summary>Delivers an interrupt message.</summary>
    /// <param name="apicId">An APIC id in range.</param>
    /// <param name="vector">Vector.</param>
    /// <param name="deliveryMode">Delivery mode, bits 10:8 of the ICR.</param>
    /// <returns>True when it was taken.</returns>
    bool DeliverInterrupt(uint apicId, byte vector, int deliveryMode);

    /// <summary>The calling processor's time-stamp counter.</summary>
    ulong ReadTimestampCounter();

    /// <summary>The wall clock: time since 1970-01-01 (UTC). A deterministic machine has its own.</summary>
    TimeSpan ReadWallClock();

    /// <summary>Lets other processors run instead of the calling one, for a while.</summary>
    void Yield();
}
