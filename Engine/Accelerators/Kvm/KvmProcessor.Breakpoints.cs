using Hyperpatch.Engine.Accelerators.Kvm.Native;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Memory;

namespace Hyperpatch.Engine.Accelerators.Kvm;

/// <summary>
/// The host's breakpoints, in the debug registers that interception leaves. DR0 is on the guest's #UD handler and DR1 on its #GP handler
/// (or, at level native, on a site); DR2 and DR3 are these, before any further site that could be watched. Not every host honours RF for
/// breakpoints of the host's, so one is passed by a single step without it.
/// </summary>
internal sealed unsafe partial class KvmProcessor
{
    private const int MostBreakpoints = 2;
    private const int LastDebugRegister = 3;
    private readonly ulong[] _breakpoints = new ulong[MostBreakpoints];
    private int _breakpointCount;
    private bool _breakpointsChanged;
    private ulong _passed;
    private bool _hasPass;
    private bool _isPassing;
    private bool _interruptedPass;

    public int BreakpointCapacity => MostBreakpoints;

    public void SetBreakpoints(ReadOnlySpan<ulong> addresses)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(addresses.Length, MostBreakpoints, nameof(addresses));
        addresses.CopyTo(_breakpoints);
        _breakpointCount = addresses.Length;
        _breakpointsChanged = true;
        _hasPass &= addresses.Contains(_passed);
    }

    private ulong LinearRip => CodeBits == 64 ? _run->Registers.Rip : (uint)(_run->Sregs.Cs.Base + _run->Registers.Rip);

    private ReadOnlySpan<ulong> Breakpoints => _breakpoints.AsSpan(0, _breakpointCount);

    // Those sites that there is a register for.
    private ReadOnlySpan<ulong> ArmedSites
    {
        get
        {
            ReadOnlySpan<ulong> sites = _partition.WatchedSites;
            return sites[..Math.Min(sites.Length, LastDebugRegister - _breakpointCount)];
        }
    }

    private bool IsExceptionToCome => (_run->DirtyRegs & KvmFlags.SyncEvents) != 0 && _run->Events.ExceptionInjected != 0;

    // Before an entry: an instruction that is about to be executed with no breakpoint armed, or that the host carries out itself, is
    // reported from here.
    private bool IsAtBreakpoint(ref VmExit exit)
    {
        if (_breakpointCount == 0 || _isPending || IsStepping || !Breakpoints.Contains(LinearRip)
            || IsExceptionToCome || _expectHandler || (_run->Registers.Rflags & RflagsResume) != 0
            || (_hasPass && _passed == LinearRip) || (_hasEntered && _vcpu.GetMpState() != KvmFlags.MpRunnable))
        {
            return false;
        }

        ReportBreakpoint(ref exit);
        return true;
    }

    private void ReportBreakpoint(ref VmExit exit)
    {
        _passed = LinearRip;
        _hasPass = true;
        exit.Reason = ExitReason.Breakpoint;
        exit.Address = _passed;
        exit.Value = _run->DebugDr6;
    }

    // Whether the next entry steps over the instruction at RIP, its breakpoint off.
    private bool BeginPass()
    {
        if (_breakpointCount == 0)
        {
            return _isPassing = false;
        }

        ulong linear = LinearRip;
        if (IsStepping && Breakpoints.Contains(linear) && !IsExceptionToCome)
        {
            _passed = linear;
            _hasPass = true;
        }

        return _isPassing = _hasPass && _passed == linear && !IsExceptionToCome;
    }

    // After an entry that was to step over the instruction.
    private void EndPass(bool isDebugExit)
    {
        if (!_isPassing || _interruptedPass)
        {
            return;
        }

        ulong linear = LinearRip;
        bool isAhead = linear == _passed && (!isDebugExit || _partition.WatchedSites.Contains(linear) || IsRepeating());
        // A delivered #UD or #GP may yet be undone.
        bool isAtHandler = isDebugExit && ((_gate.IsPresent && linear == _gate.Handler) || (IsWatchingProtection && linear == _protectionGate.Handler));
        _hasPass = isAhead || isAtHandler;
    }

    private void ForgetPass()
    {
        if (_hasPass && _passed == LinearRip)
        {
            _hasPass = false;
        }
    }

    // At an instruction that was reported: RF says that it begins anew after a fault, a pass that an interrupt came first.
    private bool OnBreakpoint(ref VmExit exit)
    {
        if ((_hasPass && _passed == LinearRip) || (_run->Registers.Rflags & RflagsResume) != 0)
        {
            _hasPass = true;
            _passed = LinearRip;
            return false;
        }

        ReportBreakpoint(ref exit);
        return true;
    }

    // The step of a pass is nobody's business, unless the guest single-steps itself: KVM takes its TF away meanwhile.
    private bool OnPassed()
    {
        if (!_wasOwnStep || _hasPass)
        {
            return false;
        }

        _run->Registers.Rflags |= RflagsTrap;
        RegistersChanged();
        ReflectDebug();
        return true;
    }

    // A string instruction with REP that still has something to do: each of its steps comes back to it.
    private bool IsRepeating()
    {
        GetPaging(out PagingState paging);
        Span<byte> bytes = stackalloc byte[4];
        int got = LinearMemory.Fetch(_memory, paging, LinearRip, bytes, out _);
        bool hasRepeat = false;
        foreach (byte value in bytes[..got])
        {
            switch (value)
            {
                case 0xF2 or 0xF3:
                    hasRepeat = true;
                    break;
                case 0x66 or 0x67 or 0x2E or 0x36 or 0x3E or 0x26 or 0x64 or 0x65 or (>= 0x40 and <= 0x4F):
                    break;
                default:
                    return hasRepeat && (value is (>= 0x6C and <= 0x6F) or (>= 0xA4 and <= 0xA7) or (>= 0xAA and <= 0xAF));
            }
        }

        return false;
    }
}
