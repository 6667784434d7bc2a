namespace Hyperpatch.Engine.Devices;

/// <summary>
/// A 16550 at 0x3F8, polled: it raises no interrupt. Output goes to a ring that keeps the latest 64 KiB; input waits in a queue of 4
/// KiB. The lock is the device's own, held for a byte by processors and for a short copy by readers.
/// </summary>
public sealed class SerialPort : IPortDevice
{
    /// <summary>Bytes of output that are kept.</summary>
    public const int OutputCapacity = 64 * 1024;

    /// <summary>Bytes of input that wait at most.</summary>
    public const int InputCapacity = 4096;

    private const int LineStatusDataReady = 0x01;
    private const int LineStatusTransmitterEmpty = 0x60;
    private const int LineControlDivisorLatch = 0x80;
    private const int LoopBack = 0x10;
    private readonly Lock _lock = new();
    private readonly byte[] _output = new byte[OutputCapacity];
    private readonly Queue<byte> _input = new();
    private readonly byte[] _registers = new byte[8];
    private byte _divisorLow = 1;
    private byte _divisorHigh;
    private long _written;

    /// <inheritdoc/>
    public ushort Base => 0x3F8;

    /// <inheritdoc/>
    public int Length => 8;

    /// <summary>Bytes written by the guest so far.</summary>
    public long Written
    {
        get
        {
            lock (_lock)
            {
                return _written;
            }
        }
    }

    /// <summary>Copies output.</summary>
    /// <param name="from">Position wanted, counted from the guest's first byte; older bytes than are kept are left out.</param>
    /// <param name="next">Position behind the last byte returned.</param>
    public byte[] ReadOutput(long from, out long next)
    {
        lock (_lock)
        {
            next = _written;
            long start = Math.Clamp(from, Math.Max(0, _written - OutputCapacity), _written);
            byte[] copy = new byte[_written - start];
            for (int i = 0; i < copy.Length; i++)
            {
                copy[i] = _output[(start + i) % OutputCapacity];
            }

            return copy;
        }
    }

    /// <summary>Queues input for the guest.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <returns>How many found room.</returns>
    public int SendInput(ReadOnlySpan<byte> bytes)
    {
        lock (_lock)
        {
            int count = Math.Min(bytes.Length, InputCapacity - _input.Count);
            foreach (byte value in bytes[..count])
            {
                _input.Enqueue(value);
            }

            return count;
        }
    }

    /// <summary>Power-on state: registers and waiting input are gone. What was written stays readable.</summary>
    public void Reset()
    {
        lock (_lock)
        {
            Array.Clear(_registers);
            _input.Clear();
            _divisorLow = 1;
            _divisorHigh = 0;
        }
    }

    /// <inheritdoc/>
    public uint Read(int offset, int size)
    {
        lock (_lock)
        {
            bool divisor = (_registers[3] & LineControlDivisorLatch) != 0;
            return offset switch
            {
                0 when divisor => _divisorLow,
                0 => _input.TryDequeue(out byte value) ? value : 0u,
                1 when divisor => _divisorHigh,
                2 => 0xC1, // FIFOs on, no interrupt pending
                5 => (uint)(LineStatusTransmitterEmpty | (_input.Count > 0 ? LineStatusDataReady : 0)),
                6 => 0xB0, // carrier, ready, clear to send
                _ => _registers[offset & 7],
            };
        }
    }

    /// <inheritdoc/>
    public void Write(int offset, int size, uint value)
    {
        lock (_lock)
        {
            bool divisor = (_registers[3] & LineControlDivisorLatch) != 0;
            switch (offset)
            {
                case 0 when divisor:
                    _divisorLow = (byte)value;
                    break;
                case 1 when divisor:
                    _divisorHigh = (byte)value;
                    break;
                case 0 when (_registers[4] & LoopBack) != 0:
                    if (_input.Count < InputCapacity)
                    {
                        _input.Enqueue((byte)value);
                    }

                    break;
                case 0:
                    _output[_written++ % OutputCapacity] = (byte)value;
                    break;
                default:
                    _registers[offset & 7] = (byte)value;
                    break;
            }
        }
    }
}
