using System.Runtime.InteropServices;
using System.Text;
using Hyperpatch.Engine.Accelerators.Kvm.Native;

namespace Hyperpatch.Engine.Accelerators.Kvm.Descriptors;

/// <summary>Binary statistics of a VM or vCPU (linux/kvm.h, struct kvm_stats_header and kvm_stats_desc).</summary>
internal sealed unsafe class KvmStatistics : IDisposable
{
    private const int DescriptorHeader = 16;
    private readonly KvmHandle _handle;
    private readonly Dictionary<string, long> _offsets = new(StringComparer.Ordinal);

    // The others are histograms.
    private readonly List<string> _single = [];

    private KvmStatistics(KvmHandle handle, ReadOnlySpan<byte> header)
    {
        _handle = handle;
        int nameSize = MemoryMarshal.Read<int>(header[4..]);
        int count = MemoryMarshal.Read<int>(header[8..]);
        int descriptors = MemoryMarshal.Read<int>(header[16..]);
        int data = MemoryMarshal.Read<int>(header[20..]);
        byte[] buffer = new byte[checked((DescriptorHeader + nameSize) * count)];
        int got = Read(buffer, descriptors);
        for (int i = 0; i < count && (i + 1) * (DescriptorHeader + nameSize) <= got; i++)
        {
            ReadOnlySpan<byte> descriptor = buffer.AsSpan(i * (DescriptorHeader + nameSize), DescriptorHeader + nameSize);
            ReadOnlySpan<byte> name = descriptor[DescriptorHeader..];
            int end = name.IndexOf((byte)0);
            string text = Encoding.ASCII.GetString(end < 0 ? name : name[..end]);
            _offsets[text] = data + MemoryMarshal.Read<uint>(descriptor[8..]);
            if (MemoryMarshal.Read<ushort>(descriptor[6..]) == 1)
            {
                _single.Add(text);
            }
        }
    }

    /// <summary>Opens the statistics of a VM's or vCPU's descriptor.</summary>
    /// <returns>Null where the kernel has none (before Linux 5.14).</returns>
    public static KvmStatistics? TryOpen(int descriptor)
    {
        int statistics = Libc.Ioctl(descriptor, KvmIoctl.GetStatsFd, 0);
        if (statistics < 0)
        {
            return null;
        }

        KvmHandle handle = new(statistics);
        byte* header = stackalloc byte[24];
        if (Libc.Pread(statistics, header, 24, 0) != 24)
        {
            handle.Dispose();
            return null;
        }

        return new KvmStatistics(handle, new ReadOnlySpan<byte>(header, 24));
    }

    /// <summary>Reads one counter. From any thread, as <see cref="AddTo"/>.</summary>
    /// <returns>Null when there is no such counter, or no longer.</returns>
    public long? Read(string name)
    {
        if (_handle.IsClosed)
        {
            return null;
        }

        bool held = false;
        try
        {
            _handle.DangerousAddRef(ref held);
            return ReadHeld(name);
        }
        catch (ObjectDisposedException)
        {
            return null;
        }
        finally
        {
            if (held)
            {
                _handle.DangerousRelease();
            }
        }
    }

    /// <summary>Adds every counter of a single value to a table. From any thread: the descriptor stays open meanwhile.</summary>
    public void AddTo(Dictionary<string, long> sums)
    {
        bool held = false;
        try
        {
            _handle.DangerousAddRef(ref held);
            foreach (string name in _single)
            {
                if (ReadHeld(name) is { } value)
                {
                    sums[name] = sums.GetValueOrDefault(name) + value;
                }
            }
        }
        catch (ObjectDisposedException)
        {
            // The processor has ended.
        }
        finally
        {
            if (held)
            {
                _handle.DangerousRelease();
            }
        }
    }

    public void Dispose() => _handle.Dispose();

    private long? ReadHeld(string name)
    {
        long value = 0;
        return _offsets.TryGetValue(name, out long offset) && Read(new Span<byte>(&value, sizeof(long)), offset) == sizeof(long) ? value : null;
    }

    private int Read(Span<byte> destination, long offset)
    {
        fixed (byte* pointer = destination)
        {
            return (int)Libc.Pread(_handle.Descriptor, pointer, (nuint)destination.Length, offset);
        }
    }
}
