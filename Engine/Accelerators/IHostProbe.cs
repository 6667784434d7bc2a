namespace Hyperpatch.Engine.Accelerators;

/// <summary>Optional ability of an accelerator: it probes the host.</summary>
public interface IHostProbe
{
    /// <summary>Probes once, then says the same again.</summary>
    /// <exception cref="AcceleratorException">The accelerator is not usable.</exception>
    HostProbe Probe();
}
