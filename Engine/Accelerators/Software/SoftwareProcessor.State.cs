using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Hyperpatch.Engine.Accelerators.Software.Apic;
using Hyperpatch.Engine.Guests;
using Hyperpatch.Engine.Memory;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>How a guest starts, saving, restoring. The bytes are laid out as KVM lays them out.</summary>
internal sealed partial class SoftwareProcessor
{
    private const ulong Cr0Base = 0x30; // ET, NE
    private const ulong Cr4Sse = 0x600; // OSFXSR, OSXMMEXCPT
    private const ulong EferLong = 0xD00; // LME, LMA, NXE
    private const int XsaveSize = 4096;
    private const int XcrsSize = 392;
    private const int XcrValue = 16;
    private const int EventsSize = 64;
    private const uint MpRunnable = 0;
    private const uint MpUninitialized = 1;
    private const uint MpHalted = 3;
    private const int DebugVector = 1;

    public void Start(ProcessorStart start)
    {
        ArgumentNullException.ThrowIfNull(start);
        SegmentRegister[] s = cpu.Segments;
        SegmentRegister data;
        switch (start.Mode)
        {
            case GuestMode.Real:
                s[Seg.Cs] = Make(start.CodeSelector, (ulong)start.CodeSelector << 4, 0xFFFF, 0x9B, 0);
                data = Make(start.DataSelector, (ulong)start.DataSelector << 4, 0xFFFF, 0x93, 0);
                cpu.Cr0 = Cr0Base;
                break;
            case GuestMode.Protected:
                s[Seg.Cs] = Make(start.CodeSelector, start.CodeBase, uint.MaxValue, 0x9B, 0xC);
                data = Make(start.DataSelector, 0, uint.MaxValue, 0x93, 0xC);
                cpu.Cr0 = Cr0Base | PagingState.Cr0Pe | (start.Cr3 != 0 ? PagingState.Cr0Pg | PagingState.Cr0Wp : 0);
                cpu.Cr4 = Cr4Sse;
                break;
            default:
                s[Seg.Cs] = Make(start.CodeSelector, 0, uint.MaxValue, 0x9B, 0xA);
                data = Make(start.DataSelector, 0, uint.MaxValue, 0x93, 0xC);
                cpu.Cr0 = Cr0Base | PagingState.Cr0Pe | PagingState.Cr0Pg | PagingState.Cr0Wp;
                cpu.Cr4 = Cr4Sse | PagingState.Cr4Pae;
                cpu.Efer = EferLong;
                break;
        }

        s[Seg.Ds] = s[Seg.Es] = s[Seg.Fs] = s[Seg.Gs] = s[Seg.Ss] = data;
        cpu.Cr0 = (cpu.Cr0 | start.Cr0Set) & ~start.Cr0Clear;
        cpu.Cr3 = start.Cr3;
        cpu.Cr4 |= start.Cr4Set;
        cpu.Efer |= start.EferSet;
        cpu.Gdt = start.Gdt;
        cpu.Idt = start.Idt;
        if (start.TaskLimit != 0)
        {
            cpu.Tr = Make(start.TaskSelector, start.TaskBase, start.TaskLimit, 0x8B, 0);
        }

        cpu.R.Guest = new GuestRegisters
        {
            Rip = start.Rip,
            Rsp = start.Rsp,
            Rax = start.Rax,
            Rbx = start.Rbx,
            Rdi = start.Rdi,
            Rsi = start.Rsi,
            Rflags = start.Rflags | 2,
        };
        // Every processor starts by itself: the images need no INIT/SIPI dance.
        cpu.Apic.IsWaitingForStartup = false;
        cpu.StateChanged(cpl: 0);
    }

    public void GetSystemRegisters(out SystemRegisters registers)
    {
        SegmentRegister[] s = cpu.Segments;
        registers = new SystemRegisters
        {
            Cs = s[Seg.Cs],
            Ds = s[Seg.Ds],
            Es = s[Seg.Es],
            Fs = s[Seg.Fs],
            Gs = s[Seg.Gs],
            Ss = s[Seg.Ss],
            Tr = cpu.Tr,
            Ldt = cpu.Ldt,
            Gdt = cpu.Gdt,
            Idt = cpu.Idt,
            Cr0 = cpu.Cr0,
            Cr2 = cpu.Cr2,
            Cr3 = cpu.Cr3,
            Cr4 = cpu.Cr4,
            Cr8 = cpu.Apic.Cr8,
            Efer = cpu.Efer,
            ApicBase = cpu.Apic.Base,
        };
    }

    public ProcessorState Save()
    {
        GetSystemRegisters(out SystemRegisters system);
        byte[] xsave = new byte[XsaveSize];
        cpu.SaveFloat(xsave);
        BinaryPrimitives.WriteUInt64LittleEndian(xsave.AsSpan(512), 3); // XSTATE_BV: x87, SSE
        byte[] xcrs = new byte[XcrsSize];
        BinaryPrimitives.WriteUInt32LittleEndian(xcrs, 1);
        BinaryPrimitives.WriteUInt64LittleEndian(xcrs.AsSpan(XcrValue), cpu.Xcr0);
        byte[] apic = new byte[LocalApic.StateSize];
        cpu.Apic.Save(apic);
        return new ProcessorState
        {
            Registers = cpu.R.Guest,
            System = system,
            DebugRegisters = [cpu.Dr[0], cpu.Dr[1], cpu.Dr[2], cpu.Dr[3], cpu.Dr[6] | cpu.PendingDebug, cpu.Dr[7]],
            Msrs = SaveMsrs(),
            Xsave = ImmutableCollectionsMarshal.AsImmutableArray(xsave),
            Xcrs = ImmutableCollectionsMarshal.AsImmutableArray(xcrs),
            LocalApic = ImmutableCollectionsMarshal.AsImmutableArray(apic),
            Events = ImmutableCollectionsMarshal.AsImmutableArray(SaveEvents()),
            IsKickPending = cpu.Apic.IsKickPending,
            IsInitPending = cpu.Apic.IsInitPending,
            PendingStartup = cpu.Apic.PendingStartup,
            PassedBreakpoint = cpu.PassedBreakpoint,
            MpState = cpu.Apic.IsWaitingForStartup ? MpUninitialized : cpu.IsHalted ? MpHalted : MpRunnable,
            Turn = cpu.SaveTurn(),
        };
    }

    public void Restore(ProcessorState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        SystemRegisters system = state.System;
        // The time first, which what follows reads.
        cpu.RestoreTurn(state.Turn);
        cpu.R.Guest = state.Registers;
        SegmentRegister[] s = cpu.Segments;
        s[Seg.Cs] = system.Cs;
        s[Seg.Ds] = system.Ds;
        s[Seg.Es] = system.Es;
        s[Seg.Fs] = system.Fs;
        s[Seg.Gs] = system.Gs;
        s[Seg.Ss] = system.Ss;
        cpu.Tr = system.Tr;
        cpu.Ldt = system.Ldt;
        cpu.Gdt = system.Gdt;
        cpu.Idt = system.Idt;
        cpu.Cr0 = system.Cr0;
        cpu.Cr2 = system.Cr2;
        cpu.Cr3 = system.Cr3;
        cpu.Cr4 = system.Cr4;
        cpu.Efer = system.Efer;
        for (int i = 0; i < 4; i++)
        {
            cpu.Dr[i] = state.DebugRegisters[i];
        }

        cpu.Dr[6] = state.DebugRegisters[4];
        cpu.Dr[7] = state.DebugRegisters[5];
        // A processor of the host's may have had more enabled than there is here.
        ulong xcr0 = BinaryPrimitives.ReadUInt64LittleEndian(state.Xcrs.AsSpan()[XcrValue..]);
        cpu.Xcr0 = (xcr0 & Cpu.Xcr0Known) | 1;
        cpu.StateChanged(system.Ss.Dpl);
        cpu.RestoreFloat(state.Xsave.AsSpan());
        RestoreMsrs(state.Msrs, deadline: false);
        cpu.Apic.IsWaitingForStartup = state.MpState == MpUninitialized;
        cpu.SetHalted(state.MpState == MpHalted);
        cpu.Apic.SetBase(system.ApicBase);
        cpu.Apic.Restore(state.LocalApic.AsSpan());
        // The timer's deadline only after the APIC, which must know the timer's mode.
        RestoreMsrs(state.Msrs, deadline: true);
        RestoreEvents(state.Events.AsSpan());
        cpu.StateChanged(system.Ss.Dpl);
        cpu.PassedBreakpoint = state.PassedBreakpoint;
        if (state.IsKickPending)
        {
            cpu.Apic.RequestKick();
        }

        // In this order: an INIT forgets a start-up from before it.
        if (state.IsInitPending)
        {
            cpu.Apic.RequestInit();
        }

        if (state.PendingStartup is byte vector)
        {
            cpu.Apic.RequestStartup(vector);
        }
    }

    private ImmutableArray<KeyValuePair<uint, ulong>> SaveMsrs()
    {
        ImmutableArray<KeyValuePair<uint, ulong>>.Builder msrs = ImmutableArray.CreateBuilder<KeyValuePair<uint, ulong>>();
        foreach (uint index in Cpu.StateMsrs)
        {
            if (cpu.TryReadMsr(index, out ulong value))
            {
                msrs.Add(new(index, value));
            }
        }

        return msrs.DrainToImmutable();
    }

    private void RestoreMsrs(ImmutableArray<KeyValuePair<uint, ulong>> msrs, bool deadline)
    {
        foreach ((uint index, ulong value) in msrs)
        {
            if (index == LocalApic.MsrTscDeadline == deadline)
            {
                try
                {
                    _ = cpu.TryRestoreMsr(index, value);
                }
                catch (GuestFault)
                {
                    // A value that this processor does not take: the guest keeps what is there.
                }
            }
        }
    }

    // struct kvm_vcpu_events: exception at 0, interrupt at 8 (shadow at 11), NMI at 12.
    private byte[] SaveEvents()
    {
        byte[] events = new byte[EventsSize];
        if (cpu.InjectedVector >= 0)
        {
            events[0] = 1;
            events[1] = (byte)cpu.InjectedVector;
            events[2] = cpu.InjectedHasError ? (byte)1 : (byte)0;
            BinaryPrimitives.WriteUInt32LittleEndian(events.AsSpan(4), cpu.InjectedError);
        }
        else if (cpu.PendingDebug != 0)
        {
            events[1] = DebugVector;
            events[3] = 1;
            // The payload: what goes into DR6. KVM without that capability takes it from DR6 itself, where it stands too.
            events[55] = 1;
            BinaryPrimitives.WriteUInt64LittleEndian(events.AsSpan(56), cpu.PendingDebug);
        }

        events[11] = (byte)cpu.Shadow;
        events[13] = cpu.Apic.IsNmiPending ? (byte)1 : (byte)0;
        events[14] = cpu.IsNmiBlocked ? (byte)1 : (byte)0;
        return events;
    }

    private void RestoreEvents(ReadOnlySpan<byte> events)
    {
        if (events[0] != 0)
        {
            cpu.Inject(events[1], BinaryPrimitives.ReadUInt32LittleEndian(events[4..]), events[2] != 0);
        }

        cpu.PendingDebug = events[3] == 0 || events[1] != DebugVector ? 0
            : events[55] != 0 ? BinaryPrimitives.ReadUInt64LittleEndian(events[56..]) & 0xE00F
            : Cpu.SingleStepped;
        cpu.Shadow = events[11];
        cpu.IsNmiBlocked = events[14] != 0;
        if (events[13] != 0)
        {
            cpu.Apic.RequestNmi();
        }
    }

    private static SegmentRegister Make(ushort selector, ulong start, uint limit, byte access, byte flags) =>
        new() { Selector = selector, Base = start, Limit = limit, Access = access, Flags = flags };
}
