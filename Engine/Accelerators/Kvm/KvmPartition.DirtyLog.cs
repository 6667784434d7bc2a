using Hyperpatch.Engine.Memory;

namespace Hyperpatch.Engine.Accelerators.Kvm;

/// <summary>
/// The dirty log: the kernel's for what processors write, a map of ours for what the host writes, put together. Without
/// KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, which would leave clearing to a second call: copying and clearing are one thing here, and memory is small.
/// </summary>
internal sealed partial class KvmPartition
{
    private readonly Lock _logLock = new();
    private DirtyPageMap? _hostWrites;

    public void StartDirtyLog()
    {
        lock (_logLock)
        {
            if (_hostWrites is not null)
            {
                return;
            }

            _hostWrites = Memory.TryLogWrites()
                ?? throw new AcceleratorException("Another partition logs the writes to this memory already.");
            try
            {
                SetLogging(true);
            }
            catch
            {
                ForgetDirtyLog();
                throw;
            }
        }
    }

    public void StopDirtyLog()
    {
        lock (_logLock)
        {
            if (_hostWrites is not null)
            {
                ForgetDirtyLog();
                SetLogging(false);
            }
        }
    }

    public void CollectDirtyPages(int region, Span<ulong> bitmap)
    {
        MemoryRegion wanted = Memory.Regions[region];
        bitmap = bitmap[..wanted.BitmapLength];
        bitmap.Clear();
        lock (_logLock)
        {
            if (_hostWrites is { } map && !wanted.IsReadOnly)
            {
                _vm.GetDirtyLog((uint)region, bitmap);
                map.Take(wanted, bitmap);
            }
        }
    }

    private void SetLogging(bool isOn)
    {
        for (int i = 0; i < Memory.Regions.Length; i++)
        {
            if (!Memory.Regions[i].IsReadOnly)
            {
                _vm.SetMemory((uint)i, Memory.Regions[i], isOn);
            }
        }
    }

    private void ForgetDirtyLog()
    {
        if (_hostWrites is { } map)
        {
            Memory.StopLoggingWrites(map);
            _hostWrites = null;
        }
    }
}
