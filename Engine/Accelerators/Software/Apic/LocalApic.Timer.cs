using System.Runtime.CompilerServices;

namespace Hyperpatch.Engine.Accelerators.Software.Apic;

/// <summary>The timer: counted not by counting, but by the moment when it will have counted to zero.</summary>
internal sealed partial class LocalApic
{
    private const uint TimerModeMask = 0x6_0000;
    private const uint TimerPeriodic = 0x2_0000;
    private const uint TimerDeadline = 0x4_0000;
    private const ulong Never = ulong.MaxValue;

    // In nanoseconds, which are the cycles of a bus of 1 GHz, the same as KVM's.
    private ulong _expiry = Never;
    private ulong _period;
    private ulong _deadline = Never;
    private ulong _timestampDeadline;
    private uint _initialCount;
    private uint _divide;

    /// <summary>
    /// The moment at which <see cref="Poll"/> has something to do, in the clock's nanoseconds; <see cref="ulong.MaxValue"/> when there
    /// is none. HLT need not last longer.
    /// </summary>
    public ulong NextDeadline
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _deadline;
    }

    /// <summary>Whether the timer's interrupt, if it came now, would be the processor's to take.</summary>
    public bool CanTimerInterrupt => Mode != ApicMode.Disabled
        && (_local[(int)ApicLocalInterrupt.Timer] & ClassMask) > (_processorPriority & ClassMask);

    private uint TimerMode => _local[(int)ApicLocalInterrupt.Timer] & TimerModeMask;

    private bool IsTimestampTimer => TimerMode == TimerDeadline;

    private int DivideShift => (int)(((_divide & 3) | ((_divide & 8) >> 1)) + 1) & 7;

    /// <summary>Delivers the timer's interrupt if it is due.</summary>
    /// <param name="now">The clock's nanoseconds.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Poll(ulong now)
    {
        if (now >= _deadline)
        {
            Expire(now);
        }
    }

    /// <summary>The guest's time-stamp counter was set, or runs differently: the deadline in its terms is another moment now.</summary>
    public void TimestampChanged()
    {
        if (IsTimestampTimer && _timestampDeadline != 0)
        {
            ArmTimestamp();
        }
    }

    private void Expire(ulong now)
    {
        if (now < _expiry)
        {
            return;
        }

        if (TimerMode == TimerPeriodic && _period != 0)
        {
            // As many periods as were missed are one interrupt, as they would be in IRR; the phase stays.
            _expiry += (((now - _expiry) / _period) + 1) * _period;
        }
        else
        {
            _expiry = Never;
            _timestampDeadline = 0;
        }

        UpdateDeadline();
        _ = SignalLocal(ApicLocalInterrupt.Timer);
    }

    // A masked timer runs without anyone polling it: before anything reads or changes it, it is brought up to date.
    private void CatchUp() => Expire(_clock.Now);

    private void UpdateDeadline() =>
        _deadline = (_local[(int)ApicLocalInterrupt.Timer] & LocalMasked) == 0 ? _expiry : Never;

    private void StopTimer()
    {
        _expiry = Never;
        _period = 0;
        _timestampDeadline = 0;
        UpdateDeadline();
    }

    private void StartTimer(ulong now, uint count)
    {
        _period = (ulong)_initialCount << DivideShift;
        _expiry = count == 0 ? Never : now + ((ulong)count << DivideShift);
        UpdateDeadline();
    }

    private void SetInitialCount(uint value)
    {
        if (IsTimestampTimer)
        {
            return;
        }

        CatchUp();
        _initialCount = value;
        StartTimer(_clock.Now, value);
    }

    private uint GetCurrentCount()
    {
        CatchUp();
        if (_expiry == Never || IsTimestampTimer)
        {
            return 0;
        }

        ulong rest = _expiry - _clock.Now;
        // Begun counts are whole ones, so that it reads as the initial count first and as 1 last. The clock may have gone on since.
        return (long)rest <= 0 ? 0 : (uint)((rest + (1UL << DivideShift) - 1) >> DivideShift);
    }

    private void SetDivide(uint value)
    {
        CatchUp();
        int old = DivideShift;
        _divide = value & DivideBits;
        if (_expiry == Never || IsTimestampTimer)
        {
            return;
        }

        ulong now = _clock.Now;
        ulong rest = _expiry > now ? _expiry - now : 0;
        _expiry = now + ((rest << DivideShift) >> old);
        _period = (ulong)_initialCount << DivideShift;
        UpdateDeadline();
    }

    private void SetLocalTimer(uint value)
    {
        CatchUp();
        bool wasTimestamp = IsTimestampTimer;
        _local[(int)ApicLocalInterrupt.Timer] = value;
        if (wasTimestamp != IsTimestampTimer)
        {
            StopTimer();
            _initialCount = 0;
        }

        UpdateDeadline();
    }

    private void SetTimestampDeadline(ulong value)
    {
        if (!IsTimestampTimer)
        {
            return;
        }

        CatchUp();
        _timestampDeadline = value;
        ArmTimestamp();
    }

    private ulong GetTimestampDeadline()
    {
        CatchUp();
        return IsTimestampTimer ? _timestampDeadline : 0;
    }

    private void ArmTimestamp()
    {
        _expiry = _timestampDeadline == 0 ? Never : _clock.TimeOfTimestamp(_timestampDeadline);
        UpdateDeadline();
        CatchUp();
    }
}
