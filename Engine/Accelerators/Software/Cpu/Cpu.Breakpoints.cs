using Hyperpatch.Engine.Exits;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>The host's breakpoints. While there are any, instructions run one by one; without any, nothing is looked at.</summary>
#pragma warning disable CA1001 // As in Cpu.cs.
internal sealed partial class Cpu
#pragma warning restore CA1001
{
    /// <summary>Breakpoints at once.</summary>
    public const int MostBreakpoints = 64;

    private ulong[] _breakpoints = [];
    private ulong _passed;
    private bool _isPassing;

    /// <summary>The breakpoint that was reported and whose instruction is not done yet, or null.</summary>
    internal ulong? PassedBreakpoint
    {
        get => _isPassing ? _passed : null;
        set
        {
            _isPassing = value is not null;
            _passed = value ?? 0;
        }
    }

    internal void SetBreakpoints(ReadOnlySpan<ulong> addresses)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(addresses.Length, MostBreakpoints, nameof(addresses));
        _breakpoints = addresses.ToArray();
        _isPassing &= addresses.Contains(_passed);
    }

    // True: there is an exit. Otherwise the instruction runs, and isPassing tells that it was reported before.
    private bool IsAtHostBreakpoint(out bool isPassing)
    {
        ulong linear = LinearRip;
        isPassing = _isPassing && _passed == linear;
        if (isPassing || IsPending || IsStepping || (R.Guest.Rflags & Flag.Resume) != 0 || !_breakpoints.AsSpan().Contains(linear))
        {
            return false;
        }

        _isPassing = true;
        _passed = linear;
        ExitReason = ExitReason.Breakpoint;
        ExitValue = linear;
        return true;
    }

    // The instruction at RIP is done, or has its exception: from a fault it comes back with RF.
    private void EndPass()
    {
        if (_isPassing && _passed == LinearRip)
        {
            _isPassing = false;
        }
    }
}
