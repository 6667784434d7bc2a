using Hyperpatch.Engine.Memory;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>Task switches outside long mode (Intel SDM vol. 3, 8.3): until the new task is chosen and all memory is found nothing is changed.</summary>
internal sealed partial class Cpu
{
    private const int TypeTaskGate = 5;
    private const int BusyTask = 2;
    private const ulong TaskTrap = 1 << 15; // BT in DR6
    private const ulong LocalBreakpoints = 0x155; // L0 to L3 and LE in DR7

    // In the order of their numbers in instructions.
    private static ReadOnlySpan<int> RegistersOfTask =>
        [RegisterFile.Rax, RegisterFile.Rcx, RegisterFile.Rdx, RegisterFile.Rbx, RegisterFile.Rsp, RegisterFile.Rbp, RegisterFile.Rsi, RegisterFile.Rdi];

    private static bool IsTaskOrGate(in Descriptor d) => d.IsSystem && d.Type is TypeTss16 or TypeTss16 + BusyTask or TypeTaskGate or TypeTss32 or TypeTss32 + BusyTask;

    // JMP or CALL to a TSS or through a task gate.
    private void FarToTask(int selector, in Descriptor d, ulong next, bool isCall, in Op op)
    {
        uint error = (uint)selector & 0xFFFC;
        if (d.Dpl < _cpl || d.Dpl < (selector & 3))
        {
            throw Fault(13, error);
        }

        if (d.Type == TypeTaskGate)
        {
            if (!d.IsPresent)
            {
                throw Fault(11, error);
            }

            selector = (ushort)(d.Low >> 16);
        }

        SwitchTaskInInstruction(selector, isCall ? TaskSwitchCause.Call : TaskSwitchCause.Jump, next, op);
    }

    // IRET with NT: back to the task that the TSS has a link to.
    private void ReturnToTask(in Op op)
    {
        ulong next = MaskRip(R.Block + op.Next);
        SwitchTaskInInstruction((int)LoadTss(TaskLayout.Link, 2), TaskSwitchCause.Return, next, op);
    }

    private void SwitchTaskInInstruction(int selector, TaskSwitchCause cause, ulong next, in Op op)
    {
        // Of a fault before the switch, RIP is at the instruction; behind it RIP is the new task's.
        R.Guest.Rip = MaskRip(R.Block + op.Start);
        _hasJumped = true;
        SwitchTask(selector, cause, next, Rflags);
        _isTrapSwallowed = true;
    }

    // An interrupt or exception whose gate is a task gate. The error code goes to the new task's stack.
    private void DeliverToTask(int selector, uint error, bool hasError, ulong rip, ulong flags)
    {
        SwitchTask(selector, TaskSwitchCause.Call, rip, flags);
        if (hasError)
        {
            _isImplicit = false;
            Push(error, TaskLayout.OfType(Tr.Access).Width);
        }
    }

    private void SwitchTask(int selector, TaskSwitchCause cause, ulong rip, ulong flags)
    {
        Descriptor task = FindTask(selector, cause);
        TaskLayout old = TaskLayout.OfType(Tr.Access), next = TaskLayout.OfType(task.Type);
        if ((Tr.Access & AccessPresent) == 0 || Tr.Limit < old.LeastLimit)
        {
            throw Fault(10, (uint)Tr.Selector & 0xFFFC);
        }

        // All of both segments that is needed is there, or nothing happens.
        ulong from = Tr.Base, to = task.Base, oldDescriptor = Gdt.Base + ((uint)Tr.Selector & 0xFFF8) + 5;
        bool ends = cause != TaskSwitchCause.Call;
        ProbeSystem(from + (ulong)old.Start, old.Ldt - old.Start, MemoryAccess.Write);
        ProbeSystem(to, next.LeastLimit + 1, cause == TaskSwitchCause.Call ? MemoryAccess.Write : MemoryAccess.Read);
        ProbeSystem(task.Address + 5, 1, MemoryAccess.Write);
        if (ends)
        {
            ProbeSystem(oldDescriptor, 1, MemoryAccess.Write);
        }

        SaveTask(old, from, rip, cause == TaskSwitchCause.Return ? flags & ~Flag.NestedTask : flags);
        if (ends)
        {
            StoreSystem(Wrap(oldDescriptor), 1, LoadSystem(Wrap(oldDescriptor), 1) & ~(ulong)BusyTask);
        }
        else
        {
            StoreSystem(to, 2, Tr.Selector);
        }

        if (cause != TaskSwitchCause.Return)
        {
            StoreSystem(Wrap(task.Address + 5), 1, (byte)(task.Access | BusyTask));
        }

        LoadTask(next, task, selector, isNested: cause == TaskSwitchCause.Call);
    }

    // The task's descriptor, checked (SDM vol. 3, table 8-1).
    private Descriptor FindTask(int selector, TaskSwitchCause cause)
    {
        int vector = cause == TaskSwitchCause.Return ? 10 : 13;
        uint error = (uint)selector & 0xFFFC;
        if ((selector & 4) != 0)
        {
            throw Fault(vector, error);
        }

        Descriptor d = ReadDescriptor(selector, vector);
        int available = cause == TaskSwitchCause.Return ? d.Type & ~BusyTask : d.Type;
        bool isBusy = (d.Type & BusyTask) != 0;
        if (!d.IsSystem || available is not (TypeTss16 or TypeTss32) || isBusy != (cause == TaskSwitchCause.Return))
        {
            throw Fault(vector, error);
        }

        if (!d.IsPresent)
        {
            throw Fault(11, error);
        }

        return d.Limit >= TaskLayout.OfType(d.Type).LeastLimit ? d : throw Fault(10, error);
    }

    private void ProbeSystem(ulong linear, int size, MemoryAccess access)
    {
        _ = Translate(Wrap(linear), access, user: false);
        _ = Translate(Wrap(linear + (ulong)(size - 1)), access, user: false);
    }

    private void SaveTask(TaskLayout layout, ulong start, ulong rip, ulong flags)
    {
        int width = layout.Width;
        StoreSystem(Wrap(start + (ulong)layout.Start), width, rip);
        StoreSystem(Wrap(start + (ulong)(layout.Start + width)), width, flags);
        for (int i = 0; i < RegistersOfTask.Length; i++)
        {
            StoreSystem(Wrap(start + (ulong)layout.Register(i)), width, R.Get64(RegistersOfTask[i]));
        }

        for (int i = 0; i < layout.Segments; i++)
        {
            StoreSystem(Wrap(start + (ulong)layout.Segment(i)), 2, Segments[i].Selector);
        }
    }

    // A fault from here on is the new task's: what is not loaded yet is not there for it.
    private void LoadTask(TaskLayout layout, in Descriptor task, int selector, bool isNested)
    {
        ulong start = task.Base;
        int width = layout.Width;
        ulong rip = Field(layout.Start, width), flags = Field(layout.Start + width, width);
        ulong cr3 = layout.IsWide ? Field(TaskLayout.Cr3, 4) : Cr3;
        bool traps = layout.IsWide && (Field(TaskLayout.Trap, 1) & 1) != 0;
        Span<ulong> registers = stackalloc ulong[8];
        Span<ushort> selectors = stackalloc ushort[6];
        for (int i = 0; i < registers.Length; i++)
        {
            registers[i] = Field(layout.Register(i), width);
        }

        // Those that a narrow task has no room for are null.
        selectors.Clear();
        for (int i = 0; i < layout.Segments; i++)
        {
            selectors[i] = (ushort)Field(layout.Segment(i), 2);
        }

        int local = (int)Field(layout.Ldt, 2);
        Tr = task.ToRegister(selector);
        Tr.Access |= BusyTask;
        Cr0 |= Cr0TaskSwitched;
        for (int i = 0; i < registers.Length; i++)
        {
            R.Set(RegistersOfTask[i], 4, registers[i]);
        }

        for (int i = 0; i < selectors.Length; i++)
        {
            Segments[i] = new SegmentRegister { Selector = selectors[i] };
        }

        Ldt = new SegmentRegister { Selector = (ushort)local };
        R.Guest.Rip = rip;
        Rflags = (flags & Flag.Writable) | 2 | (isNested ? Flag.NestedTask : 0);
        SetCpl(selectors[Seg.Cs] & 3);
        Dr[7] &= ~LocalBreakpoints;
        DebugRegistersChanged();
        LoadTaskTables(layout, cr3, local);
        LoadTaskSegments(selectors);
        if (traps)
        {
            _pendingDebug |= TaskTrap;
        }

        if (rip > Segments[Seg.Cs].Limit)
        {
            throw Fault(13, 0);
        }

        ulong Field(int offset, int size) => LoadSystem(Wrap(start + (ulong)offset), size);
    }

    private void LoadTaskTables(TaskLayout layout, ulong cr3, int local)
    {
        if (layout.IsWide && (Cr0 & PagingState.Cr0Pg) != 0)
        {
            CheckPointers(Cr0, Cr4, cr3);
            Cr3 = cr3;
            FlushTlb();
        }

        uint error = (uint)local & 0xFFFC;
        if (error == 0)
        {
            return;
        }

        if ((local & 4) != 0)
        {
            throw Fault(10, error);
        }

        Descriptor d = ReadDescriptor(local, 10);
        if (!d.IsSystem || d.Type != 2 || !d.IsPresent)
        {
            throw Fault(10, error);
        }

        Ldt = d.ToRegister(local);
    }

    private void LoadTaskSegments(ReadOnlySpan<ushort> selectors)
    {
        int cs = selectors[Seg.Cs], cpl = cs & 3;
        if ((cs & 0xFFFC) == 0)
        {
            throw Fault(10, 0);
        }

        Descriptor code = ReadDescriptor(cs, 10);
        if (!code.IsCode || (code.IsConforming ? code.Dpl > cpl : code.Dpl != cpl))
        {
            throw Fault(10, (uint)cs & 0xFFFC);
        }

        if (!code.IsPresent)
        {
            throw Fault(11, (uint)cs & 0xFFFC);
        }

        SetCodeSegment(cs, code, cpl);
        Segments[Seg.Ss] = ReadStackSegment(selectors[Seg.Ss], cpl, 10);
        foreach (int index in (ReadOnlySpan<int>)[Seg.Ds, Seg.Es, Seg.Fs, Seg.Gs])
        {
            if ((selectors[index] & 0xFFFC) != 0)
            {
                Segments[index] = ReadDataSegment(selectors[index], cpl, 10);
            }
        }
    }
}
