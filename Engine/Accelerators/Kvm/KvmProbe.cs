using System.Collections.Immutable;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Guests;
using Hyperpatch.Engine.Memory;
using Hyperpatch.Engine.Vendors;

namespace Hyperpatch.Engine.Accelerators.Kvm;

/// <summary>
/// Runs a guest of one page with each instruction and sees what comes of it. Hosts differ (kvm-intel, kvm-amd, KVM without
/// hardware, nested ones), and some never come back, so each run has a time limit.
/// </summary>
internal static class KvmProbe
{
    private const ulong Pml4 = 0x1000;
    private const ulong Pdpt = 0x2000;
    private const ulong PageDirectory = 0x3000;
    private const ulong Gdt = 0x4000;
    private const ulong Idt = 0x5000;
    private const ulong Code = 0x6000;
    private const ulong Handler = 0x7000;
    private const ulong Stack = 0x9000;
    private const ushort ServedPort = 0xF4;
    private static readonly TimeSpan s_limit = TimeSpan.FromMilliseconds(500);

    private static readonly (string Name, byte[] Bytes)[] s_instructions =
    [
        ("VMCALL", [0x0F, 0x01, 0xC1]),
        ("VMMCALL", [0x0F, 0x01, 0xD9]),
        ("UD2", [0x0F, 0x0B]),
    ];

    /// <summary>Probes the host.</summary>
    /// <param name="host">The opened device; its Xen intercept is turned on when that is what makes hypercalls visible.</param>
    /// <param name="forced">A level from configuration, or null to choose.</param>
    public static HostProbe Run(KvmHost host, InterceptionLevel? forced)
    {
        ImmutableArray<ProbeResult> results = RunAll(host);
        if (results.Any(r => r.Outcome == ProbeOutcome.ServedByKernel))
        {
            // kvm-intel or kvm-amd. With the Xen intercept, the host's own form comes out too.
            host.NeedsXenIntercept = true;
            try
            {
                ImmutableArray<ProbeResult> intercepted = RunAll(host);
                if (intercepted.Any(r => r.Outcome == ProbeOutcome.HypercallExit))
                {
                    results = intercepted;
                }
                else
                {
                    host.NeedsXenIntercept = false;
                }
            }
            catch (AcceleratorException)
            {
                host.NeedsXenIntercept = false;
            }
        }

        ImmutableDictionary<string, InterceptionLevel> levels = CpuVendor.All.ToImmutableDictionary(
            vendor => vendor.Id, vendor => forced ?? Choose(results, vendor));
        return new HostProbe(results, levels, forced is not null);
    }

    /// <summary>The level that a set of outcomes allows.</summary>
    /// <param name="results">What the probe saw.</param>
    /// <param name="vendor">The vendor that a guest is to see.</param>
    internal static InterceptionLevel Choose(ImmutableArray<ProbeResult> results, CpuVendor vendor)
    {
        static bool ComesOut(ProbeOutcome outcome) => outcome is ProbeOutcome.InvalidOpcode or ProbeOutcome.HypercallExit;

        ProbeOutcome own = results.Single(r => r.Instruction == vendor.HypercallMnemonic).Outcome;
        bool othersComeOut = results
            .Where(r => CpuVendor.All.Any(v => v != vendor && v.HypercallMnemonic == r.Instruction))
            .All(r => ComesOut(r.Outcome));
        if (ComesOut(own) && othersComeOut)
        {
            return InterceptionLevel.Trap;
        }

        return own == ProbeOutcome.ServedByKernel && othersComeOut ? InterceptionLevel.Native : InterceptionLevel.Step;
    }

    private static ImmutableArray<ProbeResult> RunAll(KvmHost host) =>
        [.. s_instructions.Select(instruction => RunOne(host, instruction.Name, instruction.Bytes))];

    private static ProbeResult RunOne(KvmHost host, string name, byte[] bytes)
    {
        ProbeResult? result = null;
        // A thread of its own: the kick signal gets blocked on it.
        Thread thread = new(() => result = Execute(host, name, bytes)) { Name = "probe", IsBackground = true };
        thread.Start();
        thread.Join();
        return result!;
    }

    private static ProbeResult Execute(KvmHost host, string name, byte[] bytes)
    {
        ProbeResult Result(ProbeOutcome outcome, string detail) =>
            new(name, string.Join(' ', bytes.Select(b => b.ToString("X2", null))), outcome, detail);

        try
        {
            using GuestMemory memory = new(0x10000);
            Lay(memory, bytes);
            using KvmPartition partition = new(host, memory, CpuVendor.Intel, InterceptionLevel.Trap);
            using IProcessor processor = partition.CreateProcessor(0);
            processor.BindToCurrentThread();
            processor.Start(new ProcessorStart
            {
                Mode = GuestMode.Long,
                Rip = Code,
                Rsp = Stack,
                CodeSelector = 8,
                DataSelector = 16,
                Gdt = new DescriptorTable(Gdt, 23),
                Idt = new DescriptorTable(Idt, (16 * 7) - 1),
                Cr3 = Pml4,
            });
            VmExit exit = default;
            using (Timer timer = new(_ => processor.Kick(), null, s_limit, Timeout.InfiniteTimeSpan))
            {
                processor.Run(ref exit);
            }

            return exit.Reason switch
            {
                ExitReason.InvalidOpcode => Result(ProbeOutcome.InvalidOpcode, "#UD, intercepted"),
                ExitReason.Hypercall => Result(ProbeOutcome.HypercallExit, "exits to the host as a hypercall"),
                ExitReason.PortIo when exit.Port == ServedPort => Result(ProbeOutcome.ServedByKernel, "served by the kernel without an exit"),
                ExitReason.Interrupted => Result(
                    ProbeOutcome.NeverReturned, $"did not come back within {s_limit.TotalMilliseconds:0} ms"),
                ExitReason.Failure => Result(ProbeOutcome.Other, processor.FailureText),
                _ => Result(ProbeOutcome.Other, exit.Reason.Name()),
            };
        }
        catch (AcceleratorException e)
        {
            return Result(ProbeOutcome.Other, e.Message);
        }
    }

    private static void Lay(GuestMemory memory, byte[] instruction)
    {
        Put(memory, Pml4, Pdpt | 3);
        Put(memory, Pdpt, PageDirectory | 3);
        Put(memory, PageDirectory, 0x83);
        Put(memory, Gdt + 8, 0x00AF_9B00_0000_FFFF);
        Put(memory, Gdt + 16, 0x00CF_9300_0000_FFFF);
        Put(memory, Idt + (6 * 16), (Handler & 0xFFFF) | (8 << 16) | (0x8EUL << 40));
        _ = memory.TryWrite(Code, [.. instruction, 0xE6, (byte)ServedPort, 0xF4]);
        _ = memory.TryWrite(Handler, [0xF4]);
    }

    private static void Put(GuestMemory memory, ulong address, ulong value) =>
        _ = memory.TryWrite(address, BitConverter.GetBytes(value));
}
