using System.Runtime.CompilerServices;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>
/// The debug registers' breakpoints: what each is, and those on data and I/O (Intel SDM vol. 3, 18.2.4). A page with a watched byte is never in the translation
/// caches, so that its accesses come the slow way and are looked at there; all others, and all when nothing is armed, cost nothing.
/// </summary>
internal sealed partial class Cpu
{
    private const ulong BreakpointHits = 0xF;
    private const ulong GeneralDetect = 1 << 13; // DR7.GD, and BD in DR6
    private const int BreakOnExecution = 0, BreakOnWrite = 1, BreakOnPort = 2, BreakOnAny = 3;

    // Breakpoints that are armed, a bit each.
    private int _watchedData;
    private int _watchedPorts;

    /// <summary>Whether a data breakpoint is armed.</summary>
    internal bool IsWatchingData => _watchedData != 0;

    private bool IsEnabled(int index) => (Dr[7] & (3UL << (index * 2))) != 0;

    private bool IsCodeBreakpoint(int index) => IsEnabled(index) && KindOfBreakpoint(index) == BreakOnExecution;

    private int KindOfBreakpoint(int index) => (int)(Dr[7] >> (16 + (index * 4))) & 3;

    private ulong BytesOfBreakpoint(int index) => ((Dr[7] >> (18 + (index * 4))) & 3) switch { 0 => 1, 1 => 2, 2 => 8, _ => 4 };

    /// <summary>After a change of debug registers, or of CR4.</summary>
    internal void DebugRegistersChanged()
    {
        const ulong DebugExtensions = 8;
        int data = 0, ports = 0;
        for (int i = 0; i < 4; i++)
        {
            if (!IsEnabled(i))
            {
                continue;
            }

            int kind = KindOfBreakpoint(i);
            data |= kind is BreakOnWrite or BreakOnAny ? 1 << i : 0;
            ports |= kind == BreakOnPort && (Cr4 & DebugExtensions) != 0 ? 1 << i : 0;
        }

        _watchedPorts = ports;
        if ((data | _watchedData) != 0)
        {
            _watchedData = data;
            FlushTlb();
        }
    }

    // Whether a page's accesses must come the slow way.
    private bool IsWatchedPage(ulong linear)
    {
        for (int i = 0; i < 4; i++)
        {
            if ((_watchedData & (1 << i)) != 0 && ((Dr[i] ^ linear) & PageMask) == 0)
            {
                return true;
            }
        }

        return false;
    }

    // Notes the breakpoints that an access of the current instruction hits; #DB comes behind it.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Watch(ulong linear, int size, bool isWrite)
    {
        for (int i = 0; i < 4; i++)
        {
            if ((_watchedData & (1 << i)) != 0 && (isWrite || KindOfBreakpoint(i) == BreakOnAny))
            {
                NoteHit(i, linear, (ulong)size);
            }
        }
    }

    private void WatchPort(ushort port, int size)
    {
        for (int i = 0; i < 4; i++)
        {
            if ((_watchedPorts & (1 << i)) != 0)
            {
                NoteHit(i, port, (ulong)size);
            }
        }
    }

    // The breakpoint's address is aligned to its length, as the manual says.
    private void NoteHit(int index, ulong address, ulong size)
    {
        ulong length = BytesOfBreakpoint(index), start = Dr[index] & ~(length - 1);
        if (address < start + length && start < address + size)
        {
            _pendingDebug |= 1UL << index;
            LeaveRun();
        }
    }
}
