using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Hyperpatch.Engine.Accelerators.Kvm.Native;
using Hyperpatch.Engine.Guests;
using Hyperpatch.Engine.Memory;

namespace Hyperpatch.Engine.Accelerators.Kvm;

/// <summary>A vCPU's state: how a guest starts, saving, restoring.</summary>
internal sealed unsafe partial class KvmProcessor
{
    private const uint MsrTsc = 0x10;
    private const uint MsrTscDeadline = 0x6E0;
    private const ulong Cr0Base = 0x30; // ET, NE
    private const ulong Cr0WriteProtect = PagingState.Cr0Wp;
    private const ulong Cr4Sse = 0x600; // OSFXSR, OSXMMEXCPT
    private const ulong EferLong = 0xD00; // LME, LMA, NXE
    private const int XsaveSize = 4096;
    private const int XcrsSize = 392;
    private const int LapicSize = 1024;

    public void Start(ProcessorStart start)
    {
        _vcpu.GetSregs(out KvmSregs sregs);
        switch (start.Mode)
        {
            case GuestMode.Real:
                sregs.Cs = KvmSegments.Make(start.CodeSelector, (ulong)start.CodeSelector << 4, 0xFFFF, 0xB, false, false);
                SetData(ref sregs, KvmSegments.Make(start.DataSelector, (ulong)start.DataSelector << 4, 0xFFFF, 3, false, false));
                sregs.Cr0 = Cr0Base;
                break;
            case GuestMode.Protected:
                sregs.Cs = KvmSegments.Make(start.CodeSelector, start.CodeBase, uint.MaxValue, 0xB, false, true);
                SetData(ref sregs, KvmSegments.Make(start.DataSelector, 0, uint.MaxValue, 3, false, true));
                sregs.Cr0 = Cr0Base | PagingState.Cr0Pe | (start.Cr3 != 0 ? PagingState.Cr0Pg | Cr0WriteProtect : 0);
                sregs.Cr4 = Cr4Sse;
                break;
            default:
                sregs.Cs = KvmSegments.Make(start.CodeSelector, 0, uint.MaxValue, 0xB, true, false);
                SetData(ref sregs, KvmSegments.Make(start.DataSelector, 0, uint.MaxValue, 3, false, true));
                sregs.Cr0 = Cr0Base | PagingState.Cr0Pe | PagingState.Cr0Pg | Cr0WriteProtect;
                sregs.Cr4 = Cr4Sse | PagingState.Cr4Pae;
                sregs.Efer = EferLong;
                break;
        }

        sregs.Cr0 = (sregs.Cr0 | start.Cr0Set) & ~start.Cr0Clear;
        sregs.Cr3 = start.Cr3;
        sregs.Cr4 |= start.Cr4Set;
        sregs.Efer |= start.EferSet;
        sregs.Gdt = new KvmDtable { Base = start.Gdt.Base, Limit = start.Gdt.Limit };
        sregs.Idt = new KvmDtable { Base = start.Idt.Base, Limit = start.Idt.Limit };
        if (start.TaskLimit != 0)
        {
            sregs.Tr = KvmSegments.Make(start.TaskSelector, start.TaskBase, start.TaskLimit, 0xB, false, false);
            sregs.Tr.S = 0;
        }

        _vcpu.SetSregs(sregs);
        GuestRegisters registers = new()
        {
            Rip = start.Rip,
            Rsp = start.Rsp,
            Rax = start.Rax,
            Rbx = start.Rbx,
            Rdi = start.Rdi,
            Rsi = start.Rsi,
            Rflags = start.Rflags | 2,
        };
        _vcpu.SetRegisters(registers);
        // Every processor starts by itself: the images need no INIT/SIPI dance.
        _vcpu.SetMpState(KvmFlags.MpRunnable);
        Publish();
    }

    public void GetSystemRegisters(out SystemRegisters registers)
    {
        ref KvmSregs sregs = ref _run->Sregs;
        registers = new SystemRegisters
        {
            Cs = KvmSegments.ToContract(sregs.Cs),
            Ds = KvmSegments.ToContract(sregs.Ds),
            Es = KvmSegments.ToContract(sregs.Es),
            Fs = KvmSegments.ToContract(sregs.Fs),
            Gs = KvmSegments.ToContract(sregs.Gs),
            Ss = KvmSegments.ToContract(sregs.Ss),
            Tr = KvmSegments.ToContract(sregs.Tr),
            Ldt = KvmSegments.ToContract(sregs.Ldt),
            Gdt = new DescriptorTable(sregs.Gdt.Base, sregs.Gdt.Limit),
            Idt = new DescriptorTable(sregs.Idt.Base, sregs.Idt.Limit),
            Cr0 = sregs.Cr0,
            Cr2 = sregs.Cr2,
            Cr3 = sregs.Cr3,
            Cr4 = sregs.Cr4,
            Cr8 = sregs.Cr8,
            Efer = sregs.Efer,
            ApicBase = sregs.ApicBase,
        };
    }

    public ulong ReadTimestampCounter()
    {
        // An array of one would be garbage on the hypercall path.
        byte* buffer = stackalloc byte[8 + sizeof(KvmMsrEntry)];
        new Span<byte>(buffer, 8 + sizeof(KvmMsrEntry)).Clear();
        *(uint*)buffer = 1;
        ((KvmMsrEntry*)(buffer + 8))->Index = MsrTsc;
        return _vcpu.TryGetMsr(buffer) ? ((KvmMsrEntry*)(buffer + 8))->Data : 0;
    }

    public ProcessorState Save()
    {
        Settle();
        _vcpu.GetDebugRegs(out KvmDebugRegs debug);
        _vcpu.GetEvents(out KvmVcpuEvents events);
        GetSystemRegisters(out SystemRegisters system);
        uint mpState = _vcpu.GetMpState();
        return new ProcessorState
        {
            Registers = _run->Registers,
            System = system,
            DebugRegisters = [debug.Db[0], debug.Db[1], debug.Db[2], debug.Db[3], debug.Dr6, debug.Dr7],
            Msrs = ReadMsrs(),
            Xsave = _vcpu.GetBlock(KvmIoctl.GetXsave, XsaveSize, "KVM_GET_XSAVE"),
            Xcrs = _vcpu.GetBlock(KvmIoctl.GetXcrs, XcrsSize, "KVM_GET_XCRS"),
            LocalApic = _vcpu.GetBlock(KvmIoctl.GetLapic, LapicSize, "KVM_GET_LAPIC"),
            Events = [.. new ReadOnlySpan<byte>(&events, sizeof(KvmVcpuEvents))],
            MpState = mpState,
            IsKickPending = mpState == KvmFlags.MpRunnable && _partition.WasKicked(Index),
            PassedBreakpoint = _hasPass ? _passed : null,
            IsHandlerPassed = _stepOver || (_isSteppingOver && IsAtHandler),
            ExpectedHandlerFrame = _expectHandler ? _expectedFrameRip : null,
        };
    }

    public void Restore(ProcessorState state)
    {
        _vcpu.SetRegisters(state.Registers);
        _vcpu.SetBlock(KvmIoctl.SetXcrs, state.Xcrs.AsSpan(), "KVM_SET_XCRS");
        _vcpu.SetBlock(KvmIoctl.SetXsave, state.Xsave.AsSpan(), "KVM_SET_XSAVE");
        _vcpu.GetSregs(out KvmSregs sregs);
        ApplySystem(ref sregs, state.System);
        _vcpu.SetSregs(sregs);
        WriteMsrs(state.Msrs, deadline: false);
        _vcpu.SetMpState(state.MpState);
        // The timer's deadline only after the APIC: writing the APIC's registers stops the timer.
        _vcpu.SetBlock(KvmIoctl.SetLapic, state.LocalApic.AsSpan(), "KVM_SET_LAPIC");
        WriteMsrs(state.Msrs, deadline: true);
        _vcpu.SetEvents(MemoryMarshal.Read<KvmVcpuEvents>(state.Events.AsSpan()));
        KvmDebugRegs debug = default;
        for (int i = 0; i < 4; i++)
        {
            debug.Db[i] = state.DebugRegisters[i];
        }

        debug.Dr6 = state.DebugRegisters[4];
        debug.Dr7 = state.DebugRegisters[5];
        _vcpu.SetDebugRegs(debug);
        Publish();
        _hasEntered = true;
        _stepOver = state.IsHandlerPassed;
        _hasPass = state.PassedBreakpoint is not null;
        _passed = state.PassedBreakpoint ?? 0;
        _expectHandler = state.ExpectedHandlerFrame is not null;
        _expectedFrameRip = state.ExpectedHandlerFrame ?? 0;
        if (state.IsKickPending)
        {
            _partition.WakeFromHalt((uint)Index);
        }
    }

    private static void SetData(ref KvmSregs sregs, KvmSegment segment) =>
        sregs.Ds = sregs.Es = sregs.Fs = sregs.Gs = sregs.Ss = segment;

    // Writes what is still only in the shared page to the kernel, so that its own getters tell the same.
    private void Settle()
    {
        LeaveFault();
        ulong dirty = _run->DirtyRegs;
        if ((dirty & KvmFlags.SyncRegs) != 0)
        {
            _vcpu.SetRegisters(_run->Registers);
        }

        if ((dirty & KvmFlags.SyncSregs) != 0)
        {
            _vcpu.SetSregs(_run->Sregs);
        }

        if ((dirty & KvmFlags.SyncEvents) != 0)
        {
            _vcpu.SetEvents(_run->Events);
        }

        Publish();
    }

    // Fills the shared page with what the kernel holds.
    private void Publish()
    {
        _vcpu.GetRegisters(out GuestRegisters registers);
        _vcpu.GetSregs(out KvmSregs sregs);
        _run->Registers = registers;
        _run->Sregs = sregs;
        _run->DirtyRegs = 0;
    }

    private static void ApplySystem(ref KvmSregs sregs, in SystemRegisters system)
    {
        sregs.Cs = KvmSegments.FromContract(system.Cs);
        sregs.Ds = KvmSegments.FromContract(system.Ds);
        sregs.Es = KvmSegments.FromContract(system.Es);
        sregs.Fs = KvmSegments.FromContract(system.Fs);
        sregs.Gs = KvmSegments.FromContract(system.Gs);
        sregs.Ss = KvmSegments.FromContract(system.Ss);
        sregs.Tr = KvmSegments.FromContract(system.Tr);
        sregs.Ldt = KvmSegments.FromContract(system.Ldt);
        sregs.Gdt = new KvmDtable { Base = system.Gdt.Base, Limit = system.Gdt.Limit };
        sregs.Idt = new KvmDtable { Base = system.Idt.Base, Limit = system.Idt.Limit };
        sregs.Cr0 = system.Cr0;
        sregs.Cr2 = system.Cr2;
        sregs.Cr3 = system.Cr3;
        sregs.Cr4 = system.Cr4;
        sregs.Cr8 = system.Cr8;
        sregs.Efer = system.Efer;
        sregs.ApicBase = system.ApicBase;
        new Span<ulong>(Unsafe.AsPointer(ref sregs.InterruptBitmap[0]), 4).Clear();
    }

    private ImmutableArray<KeyValuePair<uint, ulong>> ReadMsrs()
    {
        KvmMsrEntry[] entries = new KvmMsrEntry[_stateMsrs.Length];
        for (int i = 0; i < entries.Length; i++)
        {
            entries[i].Index = _stateMsrs[i];
        }

        ImmutableArray<KeyValuePair<uint, ulong>>.Builder read =
            ImmutableArray.CreateBuilder<KeyValuePair<uint, ulong>>(entries.Length);
        Span<KvmMsrEntry> rest = entries;
        while (rest.Length > 0)
        {
            int count = _vcpu.GetMsrs(rest);
            foreach (KvmMsrEntry entry in rest[..count])
            {
                read.Add(new(entry.Index, entry.Data));
            }

            // The kernel stops at the first that this processor does not have; the rest is asked for again behind it.
            rest = rest[Math.Min(rest.Length, count + 1)..];
        }

        return read.DrainToImmutable();
    }

    private void WriteMsrs(ImmutableArray<KeyValuePair<uint, ulong>> msrs, bool deadline)
    {
        KvmMsrEntry[] entries = [.. from msr in msrs
                                    where msr.Key == MsrTscDeadline == deadline
                                    select new KvmMsrEntry { Index = msr.Key, Data = msr.Value }];
        Span<KvmMsrEntry> rest = entries;
        while (rest.Length > 0)
        {
            // What the other vendor's processor does not have cannot be carried over; the guest would not find it there either.
            rest = rest[Math.Min(rest.Length, _vcpu.SetMsrs(rest) + 1)..];
        }
    }
}
