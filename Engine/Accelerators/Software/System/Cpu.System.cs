using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Memory;
using Hyperpatch.Engine.Vendors;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>System instructions.</summary>
internal sealed partial class Cpu
{
    private void RequireSupervisor()
    {
        if (_cpl != 0)
        {
            ThrowProtection();
        }
    }

    private void RequireProtected()
    {
        if (!IsProtected)
        {
            Throw(6);
        }
    }

    private void ExecuteSystem(in Op op)
    {
        switch (op.Code)
        {
            case OpCode.MovFromSeg:
                // To memory two bytes, to a register its whole width.
                StoreTo(op, Segments[op.Third].Selector);
                return;
            case OpCode.MovToSeg:
                MoveToSegment(op, (int)((op.From == Op.InMemory ? Load(Ea(op, 2, write: false), 2) : R.Get64(op.Source)) & 0xFFFF));
                return;
            case OpCode.PushSeg:
                Push(Segments[op.Third].Selector, op.Size);
                return;
            case OpCode.PopSeg:
            {
                int selector = (ushort)Peek(0, op.Size);
                // POP SS: the old stack's width counts.
                ulong rsp = R.Guest.Rsp;
                SetStack(rsp + op.Size);
                ulong after = R.Guest.Rsp;
                R.Guest.Rsp = rsp;
                MoveToSegment(op, selector);
                R.Guest.Rsp = after;
                return;
            }

            case OpCode.Cli:
            case OpCode.Sti:
                SetInterruptFlag(op.Code == OpCode.Sti);
                return;
            case OpCode.Hlt:
                RequireSupervisor();
                if (!_isPending)
                {
                    Wait(ExitReason.Halt, op);
                    return;
                }

                _isHalted = true;
                LeaveRun();
                return;
            case OpCode.Cpuid:
                if (!_isPending)
                {
                    ExitValue = R.Guest.Rax;
                    Wait(ExitReason.Cpuid, op);
                    return;
                }

                ExecuteCpuid();
                return;
            case OpCode.Vmcall or OpCode.Vmmcall:
                if ((op.Code == OpCode.Vmcall) != (_vendor == CpuVendor.Intel))
                {
                    ExitUndefined(op);
                    return;
                }

                DescribeHypercall(op);
                Exit(ExitReason.Hypercall, op);
                return;
            case OpCode.Rdtsc or OpCode.Rdtscp:
            {
                if (_cpl != 0 && (Cr4 & 4) != 0)
                {
                    ThrowProtection();
                }

                ulong now = Timestamp;
                R.Guest.Rax = (uint)now;
                R.Guest.Rdx = now >> 32;
                if (op.Code == OpCode.Rdtscp)
                {
                    R.Guest.Rcx = (uint)_tscAux;
                }

                return;
            }

            case OpCode.Rdpmc:
                ThrowProtection();
                return;
            case OpCode.Rdmsr or OpCode.Wrmsr:
                RequireSupervisor();
                ExecuteMsr(op);
                return;
            case OpCode.MovFromCr:
            {
                RequireSupervisor();
                ulong value = ReadControl(op.Third);
                if (!IsReported(op.Third, value, isWrite: false, op))
                {
                    R.Set(op.Target, op.Size, value);
                }

                return;
            }

            case OpCode.MovToCr:
            {
                RequireSupervisor();
                ulong value = R.Get64(op.Source) & Mask(_bits == 64 ? 8 : 4);
                if (!IsReported(op.Third, value, isWrite: true, op))
                {
                    WriteControl(op.Third, value);
                    LeaveRun();
                }

                return;
            }

            case OpCode.MovFromDr:
                RequireSupervisor();
                DetectDebugAccess(op.Third);
                R.Set(op.Target, op.Size, ReadDebug(op.Third));
                return;
            case OpCode.MovToDr:
                RequireSupervisor();
                DetectDebugAccess(op.Third);
                WriteDebug(op.Third, R.Get64(op.Source) & Mask(_bits == 64 ? 8 : 4));
                LeaveRun();
                return;
            case OpCode.Clts:
                RequireSupervisor();
                if (!IsReported(0, Cr0 & ~8UL, isWrite: true, op))
                {
                    Cr0 &= ~8UL;
                }

                return;
            case OpCode.Lmsw:
            {
                RequireSupervisor();
                ulong value = (Cr0 & ~0xEUL) | (LoadTo(op) & 0xF);
                if (!IsReported(0, value, isWrite: true, op))
                {
                    WriteControl(0, value);
                    LeaveRun();
                }

                return;
            }

            case OpCode.Smsw:
                RequireSystemReads();
                StoreTo(op, Cr0);
                return;
            case OpCode.Invlpg:
                RequireSupervisor();
                FlushPage(_bits == 64 && op.Address == Op.AddressPlain ? PlainAddress(op) : Wrap(Segments[op.Segment].Base + EffectiveOffset(op)));
                LeaveRun();
                return;
            case OpCode.Invpcid:
                ExecuteInvpcid(op);
                return;
            case OpCode.Wbinvd:
                RequireSupervisor();
                return;
            case OpCode.Lgdt or OpCode.Lidt:
                LoadTable(op);
                return;
            case OpCode.Sgdt or OpCode.Sidt:
                RequireSystemReads();
                StoreTable(op);
                return;
            case OpCode.Lldt or OpCode.Ltr:
                RequireProtected();
                RequireSupervisor();
                LoadSystemSegment(op);
                return;
            case OpCode.Sldt or OpCode.Str:
                RequireProtected();
                RequireSystemReads();
                StoreTo(op, (op.Code == OpCode.Sldt ? Ldt : Tr).Selector);
                return;
            case OpCode.Lar or OpCode.Lsl or OpCode.Verr or OpCode.Verw:
                RequireProtected();
                ExamineSelector(op);
                return;
            case OpCode.Arpl:
            {
                RequireProtected();
                ulong a = LoadTo(op), rpl = R.Get64(op.Source) & 3;
                bool less = (a & 3) < rpl;
                if (less)
                {
                    StoreTo(op, (a & ~3UL) | rpl);
                }

                SetZeroOnly(less);
                return;
            }

            case OpCode.Swapgs:
                if (_bits != 64)
                {
                    Throw(6);
                }

                RequireSupervisor();
                (Segments[Seg.Gs].Base, _kernelGsBase) = (_kernelGsBase, Segments[Seg.Gs].Base);
                return;
            case OpCode.Rdfsbase or OpCode.Rdgsbase or OpCode.Wrfsbase or OpCode.Wrgsbase:
                ExecuteBase(op);
                return;
            case OpCode.Syscall or OpCode.Sysret or OpCode.Sysenter or OpCode.Sysexit:
                ExecuteFastCall(op);
                return;
            case OpCode.Clac or OpCode.Stac:
                if (_cpl != 0)
                {
                    Throw(6);
                }

                R.Guest.Rflags = op.Code == OpCode.Stac ? R.Guest.Rflags | Flag.Alignment : R.Guest.Rflags & ~Flag.Alignment;
                SelectTlb();
                return;
            case OpCode.Xgetbv or OpCode.Xsetbv:
                ExecuteXcr(op);
                return;
            case OpCode.Fence:
                Interlocked.MemoryBarrier();
                return;
            case OpCode.Clflush:
                // Caches are the host's business: what is left are the faults of a load.
                _ = Translate(AddressToFlush(op), Memory.MemoryAccess.Read, IsUserAccess);
                return;
            default:
                Throw(6);
                return;
        }
    }

    // A segment that may only be executed may be flushed as well (Intel SDM vol. 2, CLFLUSH).
    private ulong AddressToFlush(in Op op)
    {
        const int Code = 8, Readable = 2;
        ref SegmentRegister segment = ref Segments[op.Segment];
        if (_bits == 64 || !IsProtected || (segment.Access & (Code | Readable | AccessPresent)) != (Code | AccessPresent))
        {
            return Ea(op, 1, write: false);
        }

        ulong offset = EffectiveOffset(op);
        if (offset > segment.Limit)
        {
            ThrowProtection();
        }

        return (uint)(segment.Base + offset);
    }

    // #UD where nothing has to be unwound: what is to be patched comes this way.
    private void ExitUndefined(in Op op)
    {
        ExitValue = 0;
        Exit(ExitReason.InvalidOpcode, op);
    }

    // The host is told, and the instruction carried out when it lets the processor run on.
    private void Wait(ExitReason reason, in Op op)
    {
        _isPending = true;
        Exit(reason, op);
    }

    // Others get their turn where there are fewer host processors than guest's: a spinning guest would wait for one that cannot run.
    private void ExecutePause()
    {
        if (_turns is TurnSchedule turns)
        {
            turns.Spend(PauseSpends);
            LookUp();
            return;
        }

        if ((++_pauses & 63) == 0)
        {
            _untilTimeCheck -= 2000;
            _ = Thread.Yield();
        }
    }

    private uint _pauses;

    private void RequireSystemReads()
    {
        const ulong Umip = 1 << 11;
        if (_cpl != 0 && (Cr4 & Umip) != 0)
        {
            ThrowProtection();
        }
    }

    private void MoveToSegment(in Op op, int selector)
    {
        if (op.Third == Seg.Cs)
        {
            Throw(6);
        }

        LoadSegment(op.Third, selector);
        if (op.Third == Seg.Ss)
        {
            _shadow |= ShadowMovSs;
            _isNewShadow = true;
            ModeOfRunningChanged();
        }

        LeaveRun();
    }

    private void SetInterruptFlag(bool value)
    {
        if (IsProtected && _cpl > (int)((R.Guest.Rflags >> 12) & 3))
        {
            ThrowProtection();
        }

        if (!value)
        {
            R.Guest.Rflags &= ~Flag.Interrupt;
            return;
        }

        if ((R.Guest.Rflags & Flag.Interrupt) == 0)
        {
            R.Guest.Rflags |= Flag.Interrupt;
            _shadow |= ShadowSti;
            _isNewShadow = true;
            ModeOfRunningChanged();
        }

        LeaveRun();
    }

    private void LoadTable(in Op op)
    {
        RequireSupervisor();
        int size = _bits == 64 ? 8 : 4;
        ulong address = Ea(op, 2 + size, write: false);
        ushort limit = (ushort)Load(address, 2);
        ulong start = Load(Wrap(address + 2), size);
        if (_bits == 64 && !IsCanonical(start))
        {
            ThrowProtection();
        }

        start = op.Size == 2 ? start & 0xFF_FFFF : start;
        DescriptorTable table = new(start, limit);
        if (op.Code == OpCode.Lgdt)
        {
            Gdt = table;
        }
        else
        {
            Idt = table;
        }
    }

    private void StoreTable(in Op op)
    {
        DescriptorTable table = op.Code == OpCode.Sgdt ? Gdt : Idt;
        int size = _bits == 64 ? 8 : 4;
        ulong address = Ea(op, 2 + size, write: true);
        ulong behind = Wrap(address + 2);
        ProbeWrite(address, 2);
        ProbeWrite(behind, size);
        Store(address, 2, table.Limit);
        Store(behind, size, table.Base);
    }

    private void LoadSystemSegment(in Op op)
    {
        int selector = (ushort)LoadTo(op);
        uint error = (uint)selector & 0xFFFC;
        bool isTask = op.Code == OpCode.Ltr;
        if (error == 0)
        {
            if (isTask)
            {
                ThrowProtection();
            }

            Ldt = new SegmentRegister { Selector = (ushort)selector };
            return;
        }

        if ((selector & 4) != 0)
        {
            ThrowProtection(error);
        }

        Descriptor d = ReadDescriptor(selector, 13, IsLongMode);
        bool isRight = d.IsSystem && (isTask ? d.Type == TypeTss32 || (d.Type == TypeTss16 && !IsLongMode) : d.Type == 2);
        if (!isRight)
        {
            ThrowProtection(error);
        }

        if (!d.IsPresent)
        {
            throw Fault(11, error);
        }

        if (IsLongMode && (!IsCanonical(d.Base) || HasUpperType(d)))
        {
            ThrowProtection(error);
        }

        SegmentRegister loaded = d.ToRegister(selector);
        if (!isTask)
        {
            Ldt = loaded;
            return;
        }

        StoreSystem(d.Address + 5, 1, (byte)(d.Access | 2));
        loaded.Access |= 2;
        Tr = loaded;
    }

    private void ExamineSelector(in Op op)
    {
        bool isLoad = op.Code is OpCode.Lar or OpCode.Lsl;
        int selector = (ushort)(isLoad ? (op.From == Op.InMemory ? Load(Ea(op, 2, write: false), 2) : R.Get64(op.Source)) : LoadTo(op));
        bool allowed = TryReadDescriptor(selector, out Descriptor d)
            && (d.IsConforming || (d.Dpl >= _cpl && d.Dpl >= (selector & 3)));
        if (allowed)
        {
            allowed = op.Code switch
            {
                OpCode.Verr => d.IsReadable,
                OpCode.Verw => d.IsWritableData,
                OpCode.Lar => !d.IsSystem || (IsLongMode ? d.Type is 2 or 9 or 11 or 12 : d.Type is 1 or 2 or 3 or 4 or 5 or 9 or 11 or 12),
                _ => !d.IsSystem || (IsLongMode ? d.Type is 2 or 9 or 11 : d.Type is 1 or 2 or 3 or 9 or 11),
            };
        }

        if (allowed && isLoad)
        {
            R.Set(op.Target, op.Size, op.Code == OpCode.Lsl ? d.Limit : (d.Low >> 32) & 0xFF_FF00);
        }

        SetZeroOnly(allowed);
    }

    private void ExecuteBase(in Op op)
    {
        const ulong FsGsBase = 1 << 16;
        if ((Cr4 & FsGsBase) == 0)
        {
            Throw(6);
        }

        ref SegmentRegister s = ref Segments[op.Code is OpCode.Rdfsbase or OpCode.Wrfsbase ? Seg.Fs : Seg.Gs];
        if (op.Code is OpCode.Rdfsbase or OpCode.Rdgsbase)
        {
            R.Set(op.Target, op.Size, s.Base);
            return;
        }

        ulong value = R.Get64(op.Target) & Mask(op.Size);
        if (!IsCanonical(value))
        {
            ThrowProtection();
        }

        s.Base = value;
    }

    private void ExecuteFastCall(in Op op)
    {
        LeaveRun();
        const ulong SyscallEnable = 1;
        ulong next = MaskRip(R.Block + op.Next);
        switch (op.Code)
        {
            case OpCode.Syscall:
            {
                bool isIntel = _vendor == CpuVendor.Intel;
                if ((Efer & SyscallEnable) == 0 || !IsProtected || (isIntel && _bits != 64))
                {
                    Throw(6);
                }

                int selector = (int)((_star >> 32) & 0xFFFC);
                bool wasLong = _bits == 64;
                R.Guest.Rcx = next;
                if (IsLongMode)
                {
                    R.Guest.R11 = Rflags & ~Flag.Resume;
                    SetFlat(selector, 0, isLong: true);
                    Rflags = (Rflags & ~(_syscallMask | Flag.Resume)) | 2;
                    Jump(wasLong ? _lstar : _cstar);
                }
                else
                {
                    SetFlat(selector, 0, isLong: false);
                    Rflags &= ~(Flag.Interrupt | Flag.Virtual8086 | Flag.Resume);
                    Jump((uint)_star);
                }

                StepByNewFlags();
                return;
            }

            case OpCode.Sysret:
            {
                if ((Efer & SyscallEnable) == 0 || !IsProtected || (_vendor == CpuVendor.Intel && _bits != 64))
                {
                    Throw(6);
                }

                RequireSupervisor();
                bool toLong = op.Size == 8;
                ulong target = toLong ? R.Guest.Rcx : (uint)R.Guest.Rcx;
                if (toLong && _vendor == CpuVendor.Intel && !IsCanonical(target))
                {
                    ThrowProtection();
                }

                bool isLongMode = IsLongMode;
                ulong flags = R.Guest.R11;
                int selector = (int)((_star >> 48) & 0xFFFF);
                SegmentRegister oldStack = Segments[Seg.Ss];
                SetFlat((selector + (toLong ? 16 : 0)) | 3, 3, toLong, (selector + 8) | 3);
                if (_vendor == CpuVendor.Amd)
                {
                    // APM vol. 3: SS gets a selector only. The level is kept with its attributes here, as KVM does.
                    ref SegmentRegister stack = ref Segments[Seg.Ss];
                    oldStack.Selector = stack.Selector;
                    oldStack.Access |= 3 << 5;
                    stack = oldStack;
                }

                Rflags = isLongMode
                    ? (flags & (Flag.Writable & ~Flag.Resume)) | 2
                    : Rflags | Flag.Interrupt;
                Jump(target);
                StepByNewFlags();
                return;
            }

            case OpCode.Sysenter:
            {
                if (_vendor == CpuVendor.Amd && IsLongMode)
                {
                    Throw(6);
                }

                if (!IsProtected || (_sysenterCs & 0xFFFC) == 0)
                {
                    ThrowProtection();
                }

                Rflags &= ~(Flag.Interrupt | Flag.Virtual8086 | Flag.Resume);
                SetFlat((int)_sysenterCs & 0xFFFC, 0, IsLongMode);
                R.Guest.Rsp = IsLongMode ? _sysenterEsp : (uint)_sysenterEsp;
                Jump(IsLongMode ? _sysenterEip : (uint)_sysenterEip);
                return;
            }

            default:
            {
                if (_vendor == CpuVendor.Amd && IsLongMode)
                {
                    Throw(6);
                }

                if (!IsProtected || _cpl != 0 || (_sysenterCs & 0xFFFC) == 0)
                {
                    ThrowProtection();
                }

                bool toLong = op.Size == 8;
                ulong target = toLong ? R.Guest.Rdx : (uint)R.Guest.Rdx, stack = toLong ? R.Guest.Rcx : (uint)R.Guest.Rcx;
                if (toLong && (!IsCanonical(target) || !IsCanonical(stack)))
                {
                    ThrowProtection();
                }

                int selector = (int)_sysenterCs & 0xFFFC;
                SetFlat((selector + (toLong ? 32 : 16)) | 3, 3, toLong, (selector + (toLong ? 40 : 24)) | 3);
                R.Guest.Rsp = stack;
                Jump(target);
                return;
            }
        }
    }

    // SYSCALL and SYSRET step by TF as they leave it, so that the mask decides over a handler that is entered on the caller's stack.
    private void StepByNewFlags()
    {
        _isTrapSwallowed = true;
        if ((R.Guest.Rflags & Flag.Trap) != 0)
        {
            _pendingDebug |= SingleStepped;
        }
    }

    // CS and SS as the fast calls make them up.
    private void SetFlat(int codeSelector, int cpl, bool isLong, int stackSelector = -1)
    {
        Segments[Seg.Cs] = new SegmentRegister
        {
            Selector = (ushort)codeSelector,
            Limit = uint.MaxValue,
            Access = (byte)(0x9B | (cpl << 5)),
            Flags = isLong ? (byte)(8 | FlagLong) : (byte)(8 | FlagBig),
        };
        Segments[Seg.Ss] = new SegmentRegister
        {
            Selector = (ushort)(stackSelector < 0 ? codeSelector + 8 : stackSelector),
            Limit = uint.MaxValue,
            Access = (byte)(0x93 | (cpl << 5)),
            Flags = 8 | FlagBig,
        };
        SetCpl(cpl);
        CodeChanged();
    }
}
