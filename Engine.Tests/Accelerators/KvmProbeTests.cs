using System.Collections.Immutable;
using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Accelerators.Kvm;
using Hyperpatch.Engine.Tests.Support;
using Hyperpatch.Engine.Vendors;

namespace Hyperpatch.Engine.Tests.Accelerators;

/// <summary>The level that follows from what a host does.</summary>
public sealed class KvmProbeTests
{
    // VMCALL, VMMCALL, and the level for a guest that sees Intel, AMD: the kinds of hosts that are known.
    public static TheoryData<string, ProbeOutcome, ProbeOutcome, InterceptionLevel, InterceptionLevel> Hosts => new()
    {
        { "KVM without VMX or SVM", ProbeOutcome.InvalidOpcode, ProbeOutcome.InvalidOpcode, InterceptionLevel.Trap, InterceptionLevel.Trap },
        { "kvm-intel", ProbeOutcome.ServedByKernel, ProbeOutcome.InvalidOpcode, InterceptionLevel.Native, InterceptionLevel.Step },
        { "kvm-amd", ProbeOutcome.InvalidOpcode, ProbeOutcome.ServedByKernel, InterceptionLevel.Step, InterceptionLevel.Native },
        { "kvm-intel, Xen intercept", ProbeOutcome.HypercallExit, ProbeOutcome.InvalidOpcode, InterceptionLevel.Trap, InterceptionLevel.Trap },
        { "kvm-amd, Xen intercept", ProbeOutcome.InvalidOpcode, ProbeOutcome.HypercallExit, InterceptionLevel.Trap, InterceptionLevel.Trap },
        { "patched for ever", ProbeOutcome.NeverReturned, ProbeOutcome.NeverReturned, InterceptionLevel.Step, InterceptionLevel.Step },
        { "one never returns", ProbeOutcome.NeverReturned, ProbeOutcome.InvalidOpcode, InterceptionLevel.Step, InterceptionLevel.Step },
        { "both served", ProbeOutcome.ServedByKernel, ProbeOutcome.ServedByKernel, InterceptionLevel.Step, InterceptionLevel.Step },
        { "something else", ProbeOutcome.Other, ProbeOutcome.Other, InterceptionLevel.Step, InterceptionLevel.Step },
    };

    [Theory, MemberData(nameof(Hosts))]
    public void Level_follows_from_the_host(
        string host, ProbeOutcome vmcall, ProbeOutcome vmmcall, InterceptionLevel intel, InterceptionLevel amd)
    {
        ImmutableArray<ProbeResult> results =
        [
            new("VMCALL", "0F 01 C1", vmcall, host),
            new("VMMCALL", "0F 01 D9", vmmcall, host),
            new("UD2", "0F 0B", ProbeOutcome.InvalidOpcode, host),
        ];
        Assert.Equal((intel, amd), (KvmProbe.Choose(results, CpuVendor.Intel), KvmProbe.Choose(results, CpuVendor.Amd)));
    }

    [Theory]
    [InlineData(Backend.Kvm)]
    [InlineData(Backend.KvmStep)]
    [InlineData(Backend.KvmNative)]
    public void Host_answers_for_each_instruction_and_a_level_may_be_forced(Backend backend)
    {
        HostProbe probe = Assert.IsAssignableFrom<IHostProbe>(backend.Open()).Probe();
        Assert.Equal(["VMCALL", "VMMCALL", "UD2"], probe.Results.Select(result => result.Instruction));
        Assert.Equal(ProbeOutcome.InvalidOpcode, probe.Results[2].Outcome);
        Assert.All(probe.Results, result => Assert.NotEmpty(result.Detail));
        Assert.Equal(backend != Backend.Kvm, probe.IsForced);
        foreach (CpuVendor vendor in CpuVendor.All)
        {
            InterceptionLevel level = backend switch
            {
                Backend.KvmStep => InterceptionLevel.Step,
                Backend.KvmNative => InterceptionLevel.Native,
                _ => KvmProbe.Choose(probe.Results, vendor),
            };
            Assert.Equal(level, probe.Levels[vendor.Id]);
            Assert.Equal(level, backend.Open().SelectLevel(vendor));
        }
    }
}
