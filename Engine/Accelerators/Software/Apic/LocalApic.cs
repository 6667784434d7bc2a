using System.Numerics;
using System.Runtime.CompilerServices;

namespace Hyperpatch.Engine.Accelerators.Software.Apic;

/// <summary>
/// A processor's local APIC (Intel SDM vol. 3, "Advanced Programmable Interrupt Controller"). This part: its mode, its priorities,
/// and what the processor's loop asks it.
/// </summary>
/// <remarks>
/// All members belong to the processor's thread but those that say "any thread". The loop reads <see cref="HasWork"/> and compares
/// its clock with <see cref="NextDeadline"/> between blocks. Only when one of them says so it calls, in this order,
/// <see cref="Poll"/>, <see cref="ClearWork"/>, <see cref="TakeInit"/>, <see cref="TakeStartup"/>, <see cref="TakeNmi"/>,
/// <see cref="GetInterrupt"/> and <see cref="Acknowledge"/>. What the processor cannot take yet (IF clear, a shadow, NMIs blocked) stays
/// pending but does not raise <see cref="HasWork"/> again: when that ends, the processor asks again by itself. Nothing here allocates
/// after construction.
/// </remarks>
internal sealed partial class LocalApic
{
    /// <summary>IA32_APIC_BASE.</summary>
    public const uint MsrBase = 0x1B;

    /// <summary>IA32_TSC_DEADLINE.</summary>
    public const uint MsrTscDeadline = 0x6E0;

    /// <summary>The first of the x2APIC registers.</summary>
    public const uint MsrX2Apic = 0x800;

    /// <summary>Where the registers' page is after reset.</summary>
    public const ulong DefaultPage = 0xFEE0_0000;

    private const ulong BaseBootstrap = 0x100;
    private const ulong BaseExtended = 0x400;
    private const ulong BaseEnable = 0x800;
    private const ulong BaseReserved = 0x2FF;
    private const ulong BaseModes = BaseExtended | BaseEnable;

    // Integrated APIC, six LVT entries, EOI broadcasts can be switched off.
    private const uint Version = 0x0105_0014;
    private const uint SpuriousEnable = 0x100;
    private const uint ClassMask = 0xF0;
    private const int NoVector = -1;
    private const int Words = 4;

    private readonly IApicBus _bus;
    private readonly IApicClock _clock;
    private readonly Action _wake;
    private readonly ulong _baseAddressMask;
    private readonly ulong[] _inService = new ulong[Words];
    private readonly uint[] _local = new uint[6];
    private ulong _base;
    private uint _taskPriority;
    private uint _processorPriority;
    private uint _spurious;
    private uint _logicalDestination;
    private uint _destinationFormat;
    private ulong _command;

    /// <summary>Makes a local APIC in its state after power-up: xAPIC, at the default page, disabled by software.</summary>
    /// <param name="index">The processor's index, 0 to 63, and APIC id. Processor 0 is the bootstrap processor.</param>
    /// <param name="bus">Takes what it sends.</param>
    /// <param name="clock">The processor's time.</param>
    /// <param name="wake">
    /// Called when <see cref="HasWork"/> goes from false to true by another thread's doing, on that thread: ends the processor's sleep.
    /// </param>
    /// <param name="physicalAddressBits">Width of physical addresses, as CPUID says.</param>
    public LocalApic(int index, IApicBus bus, IApicClock clock, Action wake, int physicalAddressBits = 52)
    {
        Index = index;
        _bus = bus;
        _clock = clock;
        _wake = wake;
        _baseAddressMask = ((1UL << physicalAddressBits) - 1) & ~0xFFFUL;
        _base = DefaultPage | BaseEnable | (index == 0 ? BaseBootstrap : 0);
        ResetRegisters();
    }

    /// <summary>Index of the processor, and APIC id. Any thread.</summary>
    public int Index { get; }

    /// <summary>How the registers are reached. Any thread.</summary>
    public ApicMode Mode => (Volatile.Read(ref _base) & BaseModes) switch
    {
        BaseEnable => ApicMode.XApic,
        BaseModes => ApicMode.X2Apic,
        _ => ApicMode.Disabled,
    };

    /// <summary>IA32_APIC_BASE.</summary>
    public ulong Base => _base;

    /// <summary>Whether this is the bootstrap processor, which starts by itself after INIT.</summary>
    public bool IsBootstrap => (_base & BaseBootstrap) != 0;

    /// <summary>
    /// Physical address of the page that is the registers instead of memory, or <see cref="ulong.MaxValue"/> when none is. May change
    /// with each write of IA32_APIC_BASE.
    /// </summary>
    public ulong RegisterPage => Mode == ApicMode.XApic ? _base & _baseAddressMask : ulong.MaxValue;

    /// <summary>Whether it is switched on by IA32_APIC_BASE and by the spurious vector register. Any thread.</summary>
    public bool IsSoftwareEnabled => Mode != ApicMode.Disabled && (Volatile.Read(ref _spurious) & SpuriousEnable) != 0;

    /// <summary>PPR. Any thread, as a snapshot.</summary>
    public byte ProcessorPriority => (byte)Volatile.Read(ref _processorPriority);

    /// <summary>CR8: the upper four bits of TPR.</summary>
    public ulong Cr8
    {
        get => _taskPriority >> 4;
        set => SetTaskPriority((uint)(value & 0xF) << 4);
    }

    /// <summary>The vector that the processor is to be interrupted with now, if it lets itself be: the highest above PPR; -1 if none.</summary>
    public int GetInterrupt()
    {
        int vector = HighestRequest();
        return vector >= 0 && ((uint)vector & ClassMask) > (_processorPriority & ClassMask) && Mode != ApicMode.Disabled
            ? vector
            : NoVector;
    }

    /// <summary>The processor takes an interrupt: the request becomes the one in service.</summary>
    /// <param name="vector">What <see cref="GetInterrupt"/> said.</param>
    /// <returns>The vector to deliver: the same, or the spurious vector when the request is not there any more.</returns>
    public int Acknowledge(int vector)
    {
        // A higher one may have arrived since: the one that was chosen is still right, and the other interrupts its handler.
        ulong bit = 1UL << vector;
        bool isRequested = (Volatile.Read(ref _request[vector >> 6]) & bit) != 0;
        if (!isRequested || ((uint)vector & ClassMask) <= (_processorPriority & ClassMask) || Mode == ApicMode.Disabled)
        {
            return (int)(_spurious & 0xFF);
        }

        Interlocked.And(ref _request[vector >> 6], ~bit);
        _inService[vector >> 6] |= bit;
        UpdatePriority();
        return vector;
    }

    /// <summary>EOI: the highest interrupt in service is done.</summary>
    public void EndOfInterrupt()
    {
        int vector = Highest(_inService);
        if (vector < 0)
        {
            return;
        }

        _inService[vector >> 6] &= ~(1UL << vector);
        UpdatePriority();
        AnnounceInterrupt();
    }

    /// <summary>
    /// What INIT does to a local APIC: all registers as after power-up, but IA32_APIC_BASE stays as it is. <see cref="TakeInit"/>
    /// does it by itself.
    /// </summary>
    public void Reset() => ResetRegisters();

    /// <summary>Writes IA32_APIC_BASE as the guest does.</summary>
    /// <param name="value">The value.</param>
    /// <returns>False for #GP: a reserved bit, or a way between the modes that does not exist.</returns>
    public bool TryWriteBase(ulong value)
    {
        ulong modes = value & BaseModes;
        ulong old = _base & BaseModes;
        if ((value & ~(_baseAddressMask | BaseBootstrap | BaseModes)) != 0
            || modes == BaseExtended
            || (old == 0 && modes == BaseModes)
            || (old == BaseModes && modes == BaseEnable))
        {
            return false;
        }

        SetBase(value);
        if (modes == 0 && old != 0)
        {
            // What it had is lost: switched on again it is as after power-up.
            ResetRegisters();
        }

        return true;
    }

    /// <summary>Sets IA32_APIC_BASE as the host may: from any mode to any other. Before <see cref="Restore"/>.</summary>
    /// <param name="value">The value; reserved bits are dropped.</param>
    public void SetBase(ulong value)
    {
        Volatile.Write(ref _base, value & ~BaseReserved & (_baseAddressMask | BaseBootstrap | BaseModes));
        // The mode may have become one in which what is pending can be delivered.
        AnnounceInterrupt();
    }

    /// <summary>Whether a message with an address is for this APIC. Any thread.</summary>
    /// <param name="message">The message, without shorthand.</param>
    public bool Matches(in ApicMessage message)
    {
        ApicMode mode = Mode;
        if (mode == ApicMode.Disabled)
        {
            return false;
        }

        uint destination = message.Destination;
        if (message.IsBroadcast)
        {
            return true;
        }

        if (!message.IsLogical)
        {
            return destination == (uint)Index;
        }

        if (mode == ApicMode.X2Apic)
        {
            // Cluster in the upper half, a bit for each of its processors in the lower. A destination of 8 bits is in cluster 0.
            uint own = ExtendedLogicalId;
            return own >> 16 == destination >> 16 && (own & destination & 0xFFFF) != 0;
        }

        uint logical = Volatile.Read(ref _logicalDestination) >> 24;
        return (Volatile.Read(ref _destinationFormat) >> 28) switch
        {
            0xF => (logical & destination) != 0,
            0x0 => logical >> 4 == destination >> 4 && (logical & destination & 0xF) != 0,
            _ => false,
        };
    }

    private uint ExtendedLogicalId => (((uint)Index >> 4) << 16) | (1u << (Index & 15));

    private static int Highest(ulong[] bits)
    {
        for (int i = Words - 1; i >= 0; i--)
        {
            ulong word = Volatile.Read(ref bits[i]);
            if (word != 0)
            {
                return (i << 6) + BitOperations.Log2(word);
            }
        }

        return NoVector;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int HighestRequest() => Highest(_request);

    private void SetTaskPriority(uint value)
    {
        _taskPriority = value;
        UpdatePriority();
        AnnounceInterrupt();
    }

    private void UpdatePriority()
    {
        uint service = (uint)Math.Max(Highest(_inService), 0) & ClassMask;
        Volatile.Write(ref _processorPriority, (_taskPriority & ClassMask) >= service ? _taskPriority : service);
    }

    // After a change of the processor's own making that may let a pending interrupt through.
    private void AnnounceInterrupt()
    {
        if (GetInterrupt() >= 0)
        {
            Volatile.Write(ref _hasWork, 1);
        }
    }

    private void ResetRegisters()
    {
        StopTimer();
        Array.Clear(_inService);
        for (int i = 0; i < Words; i++)
        {
            Volatile.Write(ref _request[i], 0);
            Volatile.Write(ref _triggerMode[i], 0);
        }

        Array.Fill(_local, LocalMasked);
        _taskPriority = 0;
        Volatile.Write(ref _spurious, 0xFF);
        Volatile.Write(ref _logicalDestination, 0);
        Volatile.Write(ref _destinationFormat, uint.MaxValue);
        _command = 0;
        _errors = 0;
        Volatile.Write(ref _newErrors, 0);
        _initialCount = 0;
        _divide = 0;
        _timestampDeadline = 0;
        UpdatePriority();
        UpdateDeadline();
    }
}
