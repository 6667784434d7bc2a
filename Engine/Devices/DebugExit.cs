namespace Hyperpatch.Engine.Devices;

/// <summary>Port 0xF4: what the guest writes ends the machine with the status (value &lt;&lt; 1) | 1, as QEMU's isa-debug-exit does.</summary>
/// <param name="onWrite">Called with the value.</param>
public sealed class DebugExit(Action<uint> onWrite) : IPortDevice
{
    /// <inheritdoc/>
    public ushort Base => 0xF4;

    /// <inheritdoc/>
    public int Length => 1;

    /// <inheritdoc/>
    public uint Read(int offset, int size) => 0;

    /// <inheritdoc/>
    public void Write(int offset, int size, uint value) => onWrite(value);
}
