using System.Runtime.CompilerServices;

namespace Hyperpatch.Engine.Accelerators.Software.Apic;

/// <summary>What arrives: from any thread, without a lock.</summary>
internal sealed partial class LocalApic
{
    private const int FirstVector = 16;
    private const uint ErrorSendIllegal = 0x20;
    private const uint ErrorReceiveIllegal = 0x40;
    private const uint ErrorRegister = 0x80;

    // One word, so that "INIT, then start-up" is decided in one step whoever sends them; the start-up's vector in bits 15:8.
    private const int RequestNmiBit = 1;
    private const int RequestInitBit = 2;
    private const int RequestStartupBit = 4;
    private const int RequestKickBit = 8;
    private const int WaitingBit = 16;
    private const int StartupVectorMask = 0xFF00;

    private readonly ulong[] _request = new ulong[Words];
    private readonly ulong[] _triggerMode = new ulong[Words];
    private int _hasWork;
    private int _requests;
    private uint _newErrors;
    private uint _errors;

    /// <summary>
    /// Whether anything came since <see cref="ClearWork"/> that the processor must look at: an interrupt, NMI, INIT, start-up, a
    /// kick. One read of memory. Any thread.
    /// </summary>
    public bool HasWork
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Volatile.Read(ref _hasWork) != 0;
    }

    /// <summary>
    /// The processor is halted until INIT or start-up, as the others are after power-up and all but the bootstrap processor after INIT.
    /// Start-up messages count only then. <see cref="TakeInit"/> and <see cref="TakeStartup"/> change it by themselves.
    /// </summary>
    public bool IsWaitingForStartup
    {
        get => (Volatile.Read(ref _requests) & WaitingBit) != 0;
        set
        {
            if (value)
            {
                Interlocked.Or(ref _requests, WaitingBit);
            }
            else
            {
                Interlocked.And(ref _requests, ~(WaitingBit | RequestStartupBit | StartupVectorMask));
            }
        }
    }

    /// <summary>Whether an NMI is pending.</summary>
    public bool IsNmiPending => (Volatile.Read(ref _requests) & RequestNmiBit) != 0;

    /// <summary>Whether INIT is pending.</summary>
    public bool IsInitPending => (Volatile.Read(ref _requests) & RequestInitBit) != 0;

    /// <summary>Whether a start-up is pending that <see cref="TakeStartup"/> would take.</summary>
    public bool IsStartupPending =>
        (Volatile.Read(ref _requests) & (WaitingBit | RequestStartupBit | RequestInitBit)) == (WaitingBit | RequestStartupBit);

    /// <summary>Vector of a pending start-up, also of one behind a pending INIT; or null.</summary>
    public byte? PendingStartup => Volatile.Read(ref _requests) is int requests && (requests & RequestStartupBit) != 0
        ? (byte)((requests & StartupVectorMask) >> 8)
        : null;

    /// <summary>Whether a kick is pending.</summary>
    public bool IsKickPending => (Volatile.Read(ref _requests) & RequestKickBit) != 0;

    /// <summary>
    /// Forgets that there was work. Call before asking what there is, never after: what comes in between raises it again.
    /// </summary>
    public void ClearWork()
    {
        // A full fence: what is read after it must not have been read before.
        Interlocked.Exchange(ref _hasWork, 0);
    }

    /// <summary>Takes a pending NMI, once.</summary>
    public bool TakeNmi() => Take(RequestNmiBit);

    /// <summary>
    /// Takes a kick, once: in HLT it ends the wait, and before HLT it makes the next one return at once. Without HLT it stays.
    /// </summary>
    public bool TakeKick() => Take(RequestKickBit);

    /// <summary>
    /// Takes a pending INIT, once, and resets the registers. The processor must reset itself; unless it is the bootstrap processor,
    /// <see cref="IsWaitingForStartup"/> is true then.
    /// </summary>
    public bool TakeInit()
    {
        if (!IsInitPending)
        {
            return false;
        }

        for (;;)
        {
            // A start-up that came behind the INIT stays; an NMI from before it is gone with everything else.
            int seen = Volatile.Read(ref _requests);
            int next = seen & ~(RequestInitBit | RequestNmiBit | RequestKickBit);
            next = IsBootstrap ? next & ~(WaitingBit | RequestStartupBit | StartupVectorMask) : next | WaitingBit;
            if (Interlocked.CompareExchange(ref _requests, next, seen) == seen)
            {
                ResetRegisters();
                return true;
            }
        }
    }

    /// <summary>Takes a pending start-up, once, if the processor waits for one; it does not wait any more then.</summary>
    /// <returns>The vector: the page of the first instruction, CS = vector &lt;&lt; 8, IP = 0; or -1.</returns>
    public int TakeStartup()
    {
        const int Needed = WaitingBit | RequestStartupBit;
        for (;;)
        {
            int seen = Volatile.Read(ref _requests);
            if ((seen & (Needed | RequestInitBit)) != Needed)
            {
                return NoVector;
            }

            if (Interlocked.CompareExchange(ref _requests, seen & ~(Needed | StartupVectorMask), seen) == seen)
            {
                return (seen & StartupVectorMask) >> 8;
            }
        }
    }

    /// <summary>Makes an NMI pending. Any thread.</summary>
    public void RequestNmi()
    {
        Interlocked.Or(ref _requests, RequestNmiBit);
        RaiseWork();
    }

    /// <summary>Makes an INIT pending; a start-up from before it is forgotten. Any thread.</summary>
    public void RequestInit()
    {
        for (;;)
        {
            int seen = Volatile.Read(ref _requests);
            int next = (seen & ~(RequestStartupBit | StartupVectorMask)) | RequestInitBit;
            if (Interlocked.CompareExchange(ref _requests, next, seen) == seen)
            {
                RaiseWork();
                return;
            }
        }
    }

    /// <summary>Makes a start-up pending if the processor waits for one, or will after a pending INIT; the first counts. Any thread.</summary>
    /// <param name="vector">The vector.</param>
    public void RequestStartup(byte vector)
    {
        for (;;)
        {
            int seen = Volatile.Read(ref _requests);
            if ((seen & (WaitingBit | RequestInitBit)) == 0 || (seen & RequestStartupBit) != 0)
            {
                return;
            }

            int next = seen | RequestStartupBit | (vector << 8);
            if (Interlocked.CompareExchange(ref _requests, next, seen) == seen)
            {
                RaiseWork();
                return;
            }
        }
    }

    /// <summary>The paravirtual kick: wakes from HLT, or makes the next HLT return at once. Any thread.</summary>
    public void RequestKick()
    {
        Interlocked.Or(ref _requests, RequestKickBit);
        RaiseWork();
    }

    /// <summary>Takes a message that is for this APIC. Any thread.</summary>
    /// <param name="message">The message.</param>
    /// <returns>Whether it did anything.</returns>
    public bool Accept(in ApicMessage message)
    {
        switch (message.Delivery)
        {
            case ApicDelivery.Fixed or ApicDelivery.LowestPriority:
                if (message.IsDeassert || !IsSoftwareEnabled)
                {
                    return false;
                }

                Post(message.Vector, message.IsLevel);
                return true;
            case ApicDelivery.Nmi:
                RequestNmi();
                return true;
            case ApicDelivery.Init:
                if (message.IsDeassert)
                {
                    return false;
                }

                RequestInit();
                return true;
            case ApicDelivery.Startup:
                RequestStartup(message.Vector);
                return true;
            default:
                return false;
        }
    }

    /// <summary>
    /// A local source has an event: delivered as its LVT entry says. The timer and errors come by themselves. Any thread, except
    /// for <see cref="ApicLocalInterrupt.Performance"/>, which masks itself.
    /// </summary>
    /// <param name="source">The source.</param>
    /// <returns>Whether it was delivered.</returns>
    public bool SignalLocal(ApicLocalInterrupt source)
    {
        uint entry = Volatile.Read(ref _local[(int)source]);
        if ((entry & LocalMasked) != 0 || Mode == ApicMode.Disabled)
        {
            return false;
        }

        if (source == ApicLocalInterrupt.Performance)
        {
            Volatile.Write(ref _local[(int)source], entry | LocalMasked);
        }

        bool hasMode = source is not (ApicLocalInterrupt.Timer or ApicLocalInterrupt.Error);
        switch (hasMode ? (ApicDelivery)((entry >> 8) & 7) : ApicDelivery.Fixed)
        {
            case ApicDelivery.Fixed:
                Post((byte)entry, isLevel: false);
                return true;
            case ApicDelivery.Nmi:
                RequestNmi();
                return true;
            case ApicDelivery.Init:
                RequestInit();
                return true;
            default:
                return false;
        }
    }

    private void Post(byte vector, bool isLevel)
    {
        if (vector < FirstVector)
        {
            ReportError(ErrorReceiveIllegal);
            return;
        }

        int word = vector >> 6;
        ulong bit = 1UL << vector;
        // The trigger mode is there before the request, so that nobody sees the request without it.
        if (((Volatile.Read(ref _triggerMode[word]) & bit) != 0) != isLevel)
        {
            if (isLevel)
            {
                Interlocked.Or(ref _triggerMode[word], bit);
            }
            else
            {
                Interlocked.And(ref _triggerMode[word], ~bit);
            }
        }

        Interlocked.Or(ref _request[word], bit);
        RaiseWork();
    }

    // Behind whatever was made pending: the processor clears the flag first and looks then, so it sees one or the other.
    private void RaiseWork()
    {
        if (Interlocked.Exchange(ref _hasWork, 1) == 0)
        {
            _wake();
        }
    }

    private bool Take(int bit) =>
        (Volatile.Read(ref _requests) & bit) != 0 && (Interlocked.And(ref _requests, ~bit) & bit) != 0;

    // The first error since the guest's last write of ESR interrupts; more of them only add bits.
    private void ReportError(uint error)
    {
        if (Interlocked.Or(ref _newErrors, error) == 0)
        {
            _ = SignalLocal(ApicLocalInterrupt.Error);
        }
    }
}
