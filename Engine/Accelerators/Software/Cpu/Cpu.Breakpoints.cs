using Hyperpatch.Engine.Exits;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>The host's breakpoints. While there are any, instructions run one by one; without any, nothing is looked at.</summary>
#pragma warning disable CA1001 // As in Cpu.cs.
internal sealed partial class Cpu
#pragma warning restore CA1001
{
    /// <summary>Breakpoints at once.</summary>
    public const int MostBreakpoints = 64;

    // Instructions that were reported and are not done yet, the latest last. An interrupt may come in between, and its handler to the same
    // place: the stack pointer tells the two apart. Of more than there is room for the oldest is reported again.
    private const int MostPasses = 4;
    private readonly (ulong Linear, ulong Stack)[] _passes = new (ulong, ulong)[MostPasses];
    private int _passCount;
    private ulong[] _breakpoints = [];

    /// <summary>The breakpoint that was reported last and whose instruction is not done yet, or null. To be set behind the registers.</summary>
    internal ulong? PassedBreakpoint
    {
        get => _passCount != 0 ? _passes[_passCount - 1].Linear : null;
        set
        {
            _passCount = 0;
            if (value is ulong linear)
            {
                BeginPass(linear);
            }
        }
    }

    internal void SetBreakpoints(ReadOnlySpan<ulong> addresses)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(addresses.Length, MostBreakpoints, nameof(addresses));
        _breakpoints = addresses.ToArray();
        for (int i = _passCount - 1; i >= 0; i--)
        {
            if (!addresses.Contains(_passes[i].Linear))
            {
                RemovePass(i);
            }
        }
    }

    // True: there is an exit. Otherwise the instruction runs; pass is the one that it was reported by before, or -1.
    private bool IsAtHostBreakpoint(out int pass)
    {
        ulong linear = LinearRip;
        pass = FindPass(linear);
        if (pass >= 0 || IsPending || IsStepping || (R.Guest.Rflags & Flag.Resume) != 0 || !_breakpoints.AsSpan().Contains(linear))
        {
            return false;
        }

        BeginPass(linear);
        ExitReason = ExitReason.Breakpoint;
        ExitValue = linear;
        return true;
    }

    // The instruction at RIP is done, or has its exception: from a fault it comes back with RF.
    private void EndPass()
    {
        if (_passCount != 0 && FindPass(LinearRip) is int pass and >= 0)
        {
            RemovePass(pass);
        }
    }

    private int FindPass(ulong linear)
    {
        for (int i = _passCount - 1; i >= 0; i--)
        {
            if (_passes[i] == (linear, R.Guest.Rsp))
            {
                return i;
            }
        }

        return -1;
    }

    private void BeginPass(ulong linear)
    {
        if (_passCount == MostPasses)
        {
            RemovePass(0);
        }

        _passes[_passCount++] = (linear, R.Guest.Rsp);
    }

    private void RemovePass(int index)
    {
        _passes.AsSpan((index + 1).._passCount).CopyTo(_passes.AsSpan(index));
        _passCount--;
    }
}
