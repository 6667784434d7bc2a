namespace Hyperpatch.Engine.Accelerators;

/// <summary>One guest's hardware: memory map, interrupt routing, processors. One vendor for its whole life.</summary>
public interface IPartition : IDisposable
{
    /// <summary>Makes a processor. Its APIC id is its index.</summary>
    /// <param name="index">0 to 63, each once.</param>
    /// <exception cref="AcceleratorException">The host refuses.</exception>
    IProcessor CreateProcessor(int index);

    /// <summary>Delivers an interrupt message to one local APIC. Any thread.</summary>
    /// <param name="apicId">Physical APIC id.</param>
    /// <param name="vector">Vector; ignored for NMI, SMI, INIT.</param>
    /// <param name="deliveryMode">Delivery mode as in the ICR's bits 10:8 (0 fixed, 1 lowest priority, 2 SMI, 4 NMI, 5 INIT, 6 SIPI).</param>
    /// <returns>True when a local APIC took it.</returns>
    bool DeliverInterrupt(uint apicId, byte vector, int deliveryMode);

    /// <summary>
    /// Wakes a processor from HLT, or makes its next HLT return at once (KICK_CPU; kernel: <c>kvm_pv_kick_cpu_op</c>). Any thread.
    /// </summary>
    /// <param name="apicId">Physical APIC id; an unknown one is ignored.</param>
    void WakeFromHalt(uint apicId);

    /// <summary>Hypercalls that the host's kernel served by itself, or null where it does not say or none can be.</summary>
    long? KernelHypercalls { get; }
}
