using System.Runtime.InteropServices;
using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Hypercalls;
using Hyperpatch.Engine.Memory;
using Hyperpatch.Engine.Vendors;

namespace Hyperpatch.Engine.Interception;

/// <summary>
/// The #UD path: fetch, decode, then serve, patch, emulate or inject. One a processor, used on its thread only; the site table is
/// shared. Whatever the guest does, it allocates nothing but a site's first entry and its history, and always comes to an end.
/// </summary>
internal sealed class HypercallInterceptor(GuestMemory memory, HypercallSiteTable sites, IHypercallHost host)
{
    /// <summary>How often the same wrong instruction may come back in a row before it is given up.</summary>
    public const int LoopLimit = 16;

    private readonly HypercallDecoder _decoder = new();
    private readonly RecentSites _sites = new(sites);
    private ulong _guardLinear;
    private ulong _guardBytes;
    private long _guardExit;
    private int _guardCount;

    /// <summary>Handles an exit of #UD or of a hypercall instruction.</summary>
    /// <param name="processor">The processor, RIP at the instruction.</param>
    /// <param name="context">The vendor that the guest sees and what goes with it: one for the whole exit.</param>
    /// <param name="policy">What to do with the wrong form.</param>
    /// <param name="exitNumber">The processor's number of exits so far: tells exits in a row.</param>
    /// <param name="record">Receives what was done.</param>
    /// <returns>True when a hypercall was served.</returns>
    public bool Handle(IProcessor processor, MachineContext context, PatchPolicy policy, long exitNumber, ref ExitRecord record)
    {
        int bits = processor.CodeBits;
        ulong linear = Begin(processor, policy, ref record);
        for (int attempt = 0; ; attempt++)
        {
            if (!Fetch(processor, linear, bits, ref record, out ulong physical))
            {
                return false;
            }

            CpuVendor? form = _decoder.Form;
            if (form is null)
            {
                record.Outcome = InterceptionOutcome.InvalidOpcode;
                record.Value0 = (ulong)_decoder.Mnemonic;
                processor.InjectInvalidOpcode();
                return false;
            }

            if (form == context.Vendor)
            {
                ServeOwn(processor, form, linear, physical, _decoder.Length, ref record);
                return true;
            }

            record.Before = record.After = form.HypercallOpcode;
            if (Repair(processor, context, policy, linear, physical, exitNumber, ref record))
            {
                return Finish(processor, context, linear, physical, ref record);
            }

            if (attempt >= LoopLimit)
            {
                record.Outcome = InterceptionOutcome.LoopGuard;
                return Finish(processor, context, linear, physical, ref record);
            }
        }
    }

    /// <summary>Serves a hypercall of the vendor's own form that the back end has fetched itself.</summary>
    /// <param name="processor">The processor, RIP at the instruction.</param>
    /// <param name="context">The vendor that the guest sees and what goes with it.</param>
    /// <param name="exit">The exit, with <see cref="VmExit.InstructionLength"/>.</param>
    /// <param name="policy">The policy in force, for the record.</param>
    /// <param name="record">Receives what was done.</param>
    public void Serve(IProcessor processor, MachineContext context, in VmExit exit, PatchPolicy policy, ref ExitRecord record)
    {
        ulong linear = Begin(processor, policy, ref record);
        record.Length = exit.InstructionLength;
        record.PatchOffset = (byte)(record.Length - 1);
        record.Bytes = CpuVendor.HypercallPrefix | ((ulong)context.Vendor.HypercallOpcode << (record.PatchOffset * 8));
        ServeOwn(processor, context.Vendor, linear, exit.Address, exit.InstructionLength, ref record);
    }

    // The linear address of the instruction at RIP.
    private static ulong Begin(IProcessor processor, PatchPolicy policy, ref ExitRecord record)
    {
        ulong linear = processor.CodeBase + processor.Registers.Rip;
        record.Policy = policy;
        return record.Linear = processor.CodeBits == 64 ? linear : (uint)linear;
    }

    // A hypercall of the form that is the guest's vendor's.
    private void ServeOwn(IProcessor processor, CpuVendor form, ulong linear, ulong physical, int length, ref ExitRecord record)
    {
        record.Reason = ExitReason.Hypercall;
        record.Outcome = InterceptionOutcome.Served;
        record.Before = record.After = form.HypercallOpcode;
        Serve(processor, length, ref record);
        _sites.GetOrAdd(linear, physical)?.CountCall(record);
    }

    // Decides the outcome. False: the byte changed since the fetch, look again.
    private bool Repair(
        IProcessor processor,
        MachineContext context,
        PatchPolicy policy,
        ulong linear,
        ulong physical,
        long exitNumber,
        ref ExitRecord record)
    {
        switch (policy)
        {
            case PatchPolicy.Inject:
                record.Outcome = InterceptionOutcome.Injected;
                return true;
            case PatchPolicy.Emulate:
                record.Outcome = InterceptionOutcome.Emulated;
                return true;
            case PatchPolicy.Faithful:
                processor.GetPaging(out PagingState paging);
                ulong at = linear + (ulong)(_decoder.Length - 1);
                if (!PageWalker.TryTranslate(memory, paging, at, MemoryAccess.Write, out _, out PageFault fault))
                {
                    // As the kernel's write of the whole instruction would fault: at its start, or where the page with the byte begins.
                    ulong page = at & ~(ulong)(GuestMemory.PageSize - 1);
                    record.Outcome = InterceptionOutcome.PageFault;
                    processor.InjectPageFault(fault with { Address = Math.Max(linear, page) });
                    return true;
                }

                if (!memory.IsRam(physical))
                {
                    // The kernel's write would vanish and the instruction fault for ever; the guard's end comes at once.
                    record.Outcome = InterceptionOutcome.LoopGuard;
                    return true;
                }

                break;
        }

        if (IsLooping(linear, record.Bytes, exitNumber))
        {
            record.Outcome = InterceptionOutcome.LoopGuard;
            return true;
        }

        byte expected = record.Before;
        if (!memory.TryCompareExchange(physical, expected, context.Vendor.HypercallOpcode, out byte observed))
        {
            record.Outcome = InterceptionOutcome.EmulatedReadOnly;
            return true;
        }

        if (observed != expected)
        {
            return false;
        }

        record.After = context.Vendor.HypercallOpcode;
        record.Outcome = InterceptionOutcome.Patched;
        return true;
    }

    private bool Finish(IProcessor processor, MachineContext context, ulong linear, ulong physical, ref ExitRecord record)
    {
        bool served = false;
        switch (record.Outcome)
        {
            case InterceptionOutcome.Emulated:
            case InterceptionOutcome.EmulatedReadOnly:
                Serve(processor, _decoder.Length, ref record);
                served = true;
                break;
            case InterceptionOutcome.Injected:
            case InterceptionOutcome.LoopGuard:
                processor.InjectInvalidOpcode();
                break;
            case InterceptionOutcome.Patched:
                context.Watch?.WatchSite(linear);
                break;
        }

        HypercallSite? site = _sites.GetOrAdd(linear, physical);
        site?.CountAttempt(record);
        if (served)
        {
            site?.CountCall(record);
        }

        return served;
    }

    private void Serve(IProcessor processor, int length, ref ExitRecord record)
    {
        ref GuestRegisters registers = ref processor.Registers;
        HypercallCall call = new()
        {
            Number = registers.Rax,
            Argument0 = registers.Rbx,
            Argument1 = registers.Rcx,
            Argument2 = registers.Rdx,
            Argument3 = registers.Rsi,
            Is64Bit = processor.CodeBits == 64,
        };
        HypercallDispatcher.Dispatch(host, ref call, processor.Cpl);
        registers.Rax = call.Result;
        record.Value0 = call.Number;
        record.Value1 = call.Argument0;
        record.Value2 = call.Argument1;
        record.Value3 = call.Argument2;
        record.Value4 = call.Argument3;
        record.Result = call.Result;
        processor.CompleteInstruction(length);
    }

    // Fetches and decodes. False: it could not be fetched, and the guest has its fault.
    private bool Fetch(IProcessor processor, ulong linear, int bits, ref ExitRecord record, out ulong physical)
    {
        Span<byte> buffer = _decoder.Buffer;
        buffer.Clear();
        processor.GetPaging(out PagingState paging);
        int available = LinearMemory.Fetch(memory, paging, linear, buffer, out PageFault fault);
        _decoder.Decode(available, bits);
        Describe(buffer, available, ref record);
        physical = 0;
        if (available < CpuVendor.MaximumInstructionLength && (available == 0 || _decoder.NeedsMoreBytes) && fault != default)
        {
            record.Outcome = InterceptionOutcome.FetchFault;
            if (paging.IsLongMode && !PageWalker.IsCanonical(fault.Address, (paging.Cr4 & PagingState.Cr4La57) != 0 ? 5 : 4))
            {
                processor.InjectGeneralProtection();
            }
            else
            {
                processor.InjectPageFault(fault);
            }

            return false;
        }

        if (_decoder.Form is not null)
        {
            // Cannot fail: the byte was fetched through the same tables just now. If another processor changed them, the physical
            // address 0 is RAM of the guest's own, and the compare-exchange finds another byte there.
            _ = PageWalker.TryTranslate(
                memory, paging, linear + (ulong)(_decoder.Length - 1), MemoryAccess.Execute, out physical, out _);
        }

        return true;
    }

    // A record holds seven bytes. Of an instruction with more prefixes than fit, the first are left out: the last byte is the one that
    // matters.
    private void Describe(ReadOnlySpan<byte> bytes, int available, ref ExitRecord record)
    {
        int length = Math.Max(_decoder.Length, Math.Min(available, 1));
        int left = _decoder.Form is null ? 0 : Math.Max(0, length - ExitRecord.MaximumBytes);
        record.Length = (byte)Math.Min(length, ExitRecord.MaximumBytes);
        record.PatchOffset = (byte)(record.Length - 1);
        Span<byte> window = stackalloc byte[sizeof(ulong)];
        window.Clear();
        bytes.Slice(left, record.Length).CopyTo(window);
        record.Bytes = MemoryMarshal.Read<ulong>(window);
    }

    private bool IsLooping(ulong linear, ulong bytes, long exitNumber)
    {
        bool isRepeat = linear == _guardLinear && bytes == _guardBytes && exitNumber == _guardExit + 1;
        _guardLinear = linear;
        _guardBytes = bytes;
        _guardExit = exitNumber;
        _guardCount = isRepeat ? _guardCount + 1 : 0;
        return _guardCount >= LoopLimit;
    }
}
