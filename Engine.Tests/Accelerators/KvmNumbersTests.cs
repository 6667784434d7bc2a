using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Accelerators.Kvm.Native;

namespace Hyperpatch.Engine.Tests.Accelerators;

/// <summary>Our numbers and layouts against linux/kvm.h: compiled where there is a C compiler and the header, recorded elsewhere.</summary>
public sealed class KvmNumbersTests
{
    // C expression, our value, and what the C compiler gave for x86-64 (recorded with the headers of Linux 6.1).
    private static readonly (string C, ulong Ours, ulong Recorded)[] s_values =
    [
        ("KVM_GET_API_VERSION", KvmIoctl.GetApiVersion, 0xAE00),
        ("KVM_CREATE_VM", KvmIoctl.CreateVm, 0xAE01),
        ("KVM_GET_MSR_INDEX_LIST", KvmIoctl.GetMsrIndexList, 0xC004AE02),
        ("KVM_CHECK_EXTENSION", KvmIoctl.CheckExtension, 0xAE03),
        ("KVM_GET_VCPU_MMAP_SIZE", KvmIoctl.GetVcpuMmapSize, 0xAE04),
        ("KVM_GET_SUPPORTED_CPUID", KvmIoctl.GetSupportedCpuid, 0xC008AE05),
        ("KVM_CREATE_VCPU", KvmIoctl.CreateVcpu, 0xAE41),
        ("KVM_GET_DIRTY_LOG", KvmIoctl.GetDirtyLog, 0x4010AE42),
        ("KVM_SET_USER_MEMORY_REGION", KvmIoctl.SetUserMemoryRegion, 0x4020AE46),
        ("KVM_SET_TSS_ADDR", KvmIoctl.SetTssAddr, 0xAE47),
        ("KVM_SET_IDENTITY_MAP_ADDR", KvmIoctl.SetIdentityMapAddr, 0x4008AE48),
        ("KVM_CREATE_IRQCHIP", KvmIoctl.CreateIrqchip, 0xAE60),
        ("KVM_XEN_HVM_CONFIG", KvmIoctl.XenHvmConfig, 0x4038AE7A),
        ("KVM_ENABLE_CAP", KvmIoctl.EnableCap, 0x4068AEA3),
        ("KVM_SIGNAL_MSI", KvmIoctl.SignalMsi, 0x4020AEA5),
        ("KVM_GET_STATS_FD", KvmIoctl.GetStatsFd, 0xAECE),
        ("KVM_RUN", KvmIoctl.Run, 0xAE80),
        ("KVM_GET_REGS", KvmIoctl.GetRegs, 0x8090AE81),
        ("KVM_SET_REGS", KvmIoctl.SetRegs, 0x4090AE82),
        ("KVM_GET_SREGS", KvmIoctl.GetSregs, 0x8138AE83),
        ("KVM_SET_SREGS", KvmIoctl.SetSregs, 0x4138AE84),
        ("KVM_GET_MSRS", KvmIoctl.GetMsrs, 0xC008AE88),
        ("KVM_SET_MSRS", KvmIoctl.SetMsrs, 0x4008AE89),
        ("KVM_SET_SIGNAL_MASK", KvmIoctl.SetSignalMask, 0x4004AE8B),
        ("KVM_GET_LAPIC", KvmIoctl.GetLapic, 0x8400AE8E),
        ("KVM_SET_LAPIC", KvmIoctl.SetLapic, 0x4400AE8F),
        ("KVM_SET_CPUID2", KvmIoctl.SetCpuid2, 0x4008AE90),
        ("KVM_GET_MP_STATE", KvmIoctl.GetMpState, 0x8004AE98),
        ("KVM_SET_MP_STATE", KvmIoctl.SetMpState, 0x4004AE99),
        ("KVM_SET_GUEST_DEBUG", KvmIoctl.SetGuestDebug, 0x4048AE9B),
        ("KVM_GET_VCPU_EVENTS", KvmIoctl.GetVcpuEvents, 0x8040AE9F),
        ("KVM_SET_VCPU_EVENTS", KvmIoctl.SetVcpuEvents, 0x4040AEA0),
        ("KVM_GET_DEBUGREGS", KvmIoctl.GetDebugRegs, 0x8080AEA1),
        ("KVM_SET_DEBUGREGS", KvmIoctl.SetDebugRegs, 0x4080AEA2),
        ("KVM_GET_XSAVE", KvmIoctl.GetXsave, 0x9000AEA4),
        ("KVM_SET_XSAVE", KvmIoctl.SetXsave, 0x5000AEA5),
        ("KVM_GET_XCRS", KvmIoctl.GetXcrs, 0x8188AEA6),
        ("KVM_SET_XCRS", KvmIoctl.SetXcrs, 0x4188AEA7),
        ("KVM_GET_XSAVE2", KvmIoctl.GetXsave2, 0x9000AECF),
        ("KVM_CAP_IRQCHIP", KvmCap.Irqchip, 0),
        ("KVM_CAP_USER_MEMORY", KvmCap.UserMemory, 3),
        ("KVM_CAP_EXT_CPUID", KvmCap.ExtCpuid, 7),
        ("KVM_CAP_MP_STATE", KvmCap.MpState, 14),
        ("KVM_CAP_SET_GUEST_DEBUG", KvmCap.SetGuestDebug, 23),
        ("KVM_CAP_XEN_HVM", KvmCap.XenHvm, 38),
        ("KVM_CAP_VCPU_EVENTS", KvmCap.VcpuEvents, 41),
        ("KVM_CAP_DEBUGREGS", KvmCap.DebugRegs, 50),
        ("KVM_CAP_XSAVE", KvmCap.Xsave, 55),
        ("KVM_CAP_XCRS", KvmCap.Xcrs, 56),
        ("KVM_CAP_MAX_VCPUS", KvmCap.MaxVcpus, 66),
        ("KVM_CAP_SYNC_REGS", KvmCap.SyncRegs, 74),
        ("KVM_CAP_SIGNAL_MSI", KvmCap.SignalMsi, 77),
        ("KVM_CAP_READONLY_MEM", KvmCap.ReadonlyMem, 81),
        ("KVM_CAP_SPLIT_IRQCHIP", KvmCap.SplitIrqchip, 121),
        ("KVM_CAP_IMMEDIATE_EXIT", KvmCap.ImmediateExit, 136),
        ("KVM_CAP_X86_USER_SPACE_MSR", KvmCap.X86UserSpaceMsr, 188),
        ("KVM_CAP_SET_GUEST_DEBUG2", KvmCap.SetGuestDebug2, 195),
        ("KVM_CAP_BINARY_STATS_FD", KvmCap.BinaryStatsFd, 203),
        ("KVM_CAP_XSAVE2", KvmCap.Xsave2, 208),
        ("KVM_CAP_DISABLE_QUIRKS2", KvmCap.DisableQuirks2, 213),
        ("KVM_X86_QUIRK_FIX_HYPERCALL_INSN", KvmFlags.QuirkFixHypercallInsn, 0x20),
        ("KVM_GUESTDBG_ENABLE", KvmFlags.GuestDebugEnable, 1),
        ("KVM_GUESTDBG_SINGLESTEP", KvmFlags.GuestDebugSingleStep, 2),
        ("KVM_GUESTDBG_BLOCKIRQ", KvmFlags.GuestDebugBlockIrq, 0x100000),
        ("KVM_GUESTDBG_USE_HW_BP", KvmFlags.GuestDebugUseHwBp, 0x20000),
        ("KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL", KvmFlags.XenInterceptHypercall, 2),
        ("KVM_MSR_EXIT_REASON_INVAL", KvmFlags.MsrExitInvalid, 1),
        ("KVM_MSR_EXIT_REASON_UNKNOWN", KvmFlags.MsrExitUnknown, 2),
        ("KVM_SYNC_X86_REGS", KvmFlags.SyncRegs, 1),
        ("KVM_SYNC_X86_SREGS", KvmFlags.SyncSregs, 2),
        ("KVM_SYNC_X86_EVENTS", KvmFlags.SyncEvents, 4),
        ("KVM_VCPUEVENT_VALID_SHADOW", KvmFlags.EventsValidShadow, 4),
        ("KVM_X86_SHADOW_INT_MOV_SS", KvmFlags.ShadowMovSs, 1),
        ("KVM_X86_SHADOW_INT_STI", KvmFlags.ShadowSti, 2),
        ("KVM_MP_STATE_RUNNABLE", KvmFlags.MpRunnable, 0),
        ("KVM_MP_STATE_UNINITIALIZED", KvmFlags.MpUninitialized, 1),
        ("KVM_MP_STATE_INIT_RECEIVED", KvmFlags.MpInitReceived, 2),
        ("KVM_MP_STATE_HALTED", KvmFlags.MpHalted, 3),
        ("KVM_MEM_LOG_DIRTY_PAGES", KvmFlags.MemLogDirtyPages, 1),
        ("KVM_MEM_READONLY", KvmFlags.MemReadOnly, 2),
        ("KVM_EXIT_IO_OUT", KvmFlags.IoOut, 1),
        ("KVM_CPUID_FLAG_SIGNIFCANT_INDEX", KvmFlags.CpuidSignificantIndex, 1),
        ("KVM_EXIT_IO", KvmExit.Io, 2),
        ("KVM_EXIT_DEBUG", KvmExit.Debug, 4),
        ("KVM_EXIT_HLT", KvmExit.Hlt, 5),
        ("KVM_EXIT_MMIO", KvmExit.Mmio, 6),
        ("KVM_EXIT_IRQ_WINDOW_OPEN", KvmExit.IrqWindowOpen, 7),
        ("KVM_EXIT_SHUTDOWN", KvmExit.Shutdown, 8),
        ("KVM_EXIT_FAIL_ENTRY", KvmExit.FailEntry, 9),
        ("KVM_EXIT_INTR", KvmExit.Intr, 10),
        ("KVM_EXIT_INTERNAL_ERROR", KvmExit.InternalError, 17),
        ("KVM_EXIT_SYSTEM_EVENT", KvmExit.SystemEvent, 24),
        ("KVM_EXIT_X86_RDMSR", KvmExit.X86RdMsr, 29),
        ("KVM_EXIT_X86_WRMSR", KvmExit.X86WrMsr, 30),
        ("KVM_EXIT_XEN", KvmExit.Xen, 34),
        Size<GuestRegisters>("kvm_regs", 144),
        Size<KvmSregs>("kvm_sregs", 312),
        Size<KvmDirtyLog>("kvm_dirty_log", 16),
        Size<KvmSegment>("kvm_segment", 24),
        Size<KvmDtable>("kvm_dtable", 16),
        Size<KvmRun>("kvm_run", 2352),
        Size<KvmVcpuEvents>("kvm_vcpu_events", 64),
        Size<KvmDebugRegs>("kvm_debugregs", 128),
        Size<KvmGuestDebug>("kvm_guest_debug", 72),
        Size<KvmMsrEntry>("kvm_msr_entry", 16),
        Size<KvmCpuidEntry>("kvm_cpuid_entry2", 40),
        Size<KvmMemoryRegion>("kvm_userspace_memory_region", 32),
        Size<KvmEnableCap>("kvm_enable_cap", 104),
        Size<KvmMsi>("kvm_msi", 32),
        Size<KvmXenHvmConfig>("kvm_xen_hvm_config", 56),
        Offset<GuestRegisters>("kvm_regs", "rip", nameof(GuestRegisters.Rip), 128),
        Offset<GuestRegisters>("kvm_regs", "rflags", nameof(GuestRegisters.Rflags), 136),
        Offset<GuestRegisters>("kvm_regs", "rsp", nameof(GuestRegisters.Rsp), 48),
        Offset<GuestRegisters>("kvm_regs", "r8", nameof(GuestRegisters.R8), 64),
        Offset<KvmSregs>("kvm_sregs", "ss", nameof(KvmSregs.Ss), 120),
        Offset<KvmSregs>("kvm_sregs", "gdt", nameof(KvmSregs.Gdt), 192),
        Offset<KvmSregs>("kvm_sregs", "idt", nameof(KvmSregs.Idt), 208),
        Offset<KvmSregs>("kvm_sregs", "cr0", nameof(KvmSregs.Cr0), 224),
        Offset<KvmSregs>("kvm_sregs", "efer", nameof(KvmSregs.Efer), 264),
        Offset<KvmSregs>("kvm_sregs", "apic_base", nameof(KvmSregs.ApicBase), 272),
        Offset<KvmSegment>("kvm_segment", "type", nameof(KvmSegment.Type), 14),
        Offset<KvmSegment>("kvm_segment", "dpl", nameof(KvmSegment.Dpl), 16),
        Offset<KvmSegment>("kvm_segment", "l", nameof(KvmSegment.L), 19),
        Offset<KvmSegment>("kvm_segment", "unusable", nameof(KvmSegment.Unusable), 22),
        Offset<KvmRun>("kvm_run", "immediate_exit", nameof(KvmRun.ImmediateExit), 1),
        Offset<KvmRun>("kvm_run", "exit_reason", nameof(KvmRun.ExitReason), 8),
        Offset<KvmRun>("kvm_run", "io.direction", nameof(KvmRun.IoDirection), 32),
        Offset<KvmRun>("kvm_run", "io.port", nameof(KvmRun.IoPort), 34),
        Offset<KvmRun>("kvm_run", "io.count", nameof(KvmRun.IoCount), 36),
        Offset<KvmRun>("kvm_run", "io.data_offset", nameof(KvmRun.IoDataOffset), 40),
        Offset<KvmRun>("kvm_run", "mmio.phys_addr", nameof(KvmRun.MmioAddress), 32),
        Offset<KvmRun>("kvm_run", "mmio.data", nameof(KvmRun.MmioData), 40),
        Offset<KvmRun>("kvm_run", "mmio.len", nameof(KvmRun.MmioLength), 48),
        Offset<KvmRun>("kvm_run", "mmio.is_write", nameof(KvmRun.MmioIsWrite), 52),
        Offset<KvmRun>("kvm_run", "debug.arch.exception", nameof(KvmRun.DebugException), 32),
        Offset<KvmRun>("kvm_run", "debug.arch.pc", nameof(KvmRun.DebugPc), 40),
        Offset<KvmRun>("kvm_run", "debug.arch.dr6", nameof(KvmRun.DebugDr6), 48),
        Offset<KvmRun>("kvm_run", "msr.error", nameof(KvmRun.MsrError), 32),
        Offset<KvmRun>("kvm_run", "msr.index", nameof(KvmRun.MsrIndex), 44),
        Offset<KvmRun>("kvm_run", "msr.data", nameof(KvmRun.MsrData), 48),
        Offset<KvmRun>("kvm_run", "fail_entry.hardware_entry_failure_reason", nameof(KvmRun.FailEntryReason), 32),
        Offset<KvmRun>("kvm_run", "internal.suberror", nameof(KvmRun.InternalSuberror), 32),
        Offset<KvmRun>("kvm_run", "system_event.type", nameof(KvmRun.SystemEventType), 32),
        Offset<KvmRun>("kvm_run", "xen.type", nameof(KvmRun.XenType), 32),
        Offset<KvmRun>("kvm_run", "xen.u.hcall.result", nameof(KvmRun.XenResult), 56),
        Offset<KvmRun>("kvm_run", "kvm_valid_regs", nameof(KvmRun.ValidRegs), 288),
        Offset<KvmRun>("kvm_run", "kvm_dirty_regs", nameof(KvmRun.DirtyRegs), 296),
        Offset<KvmRun>("kvm_run", "s.regs.regs", nameof(KvmRun.Registers), 304),
        Offset<KvmRun>("kvm_run", "s.regs.sregs", nameof(KvmRun.Sregs), 448),
        Offset<KvmRun>("kvm_run", "s.regs.events", nameof(KvmRun.Events), 760),
        Offset<KvmVcpuEvents>("kvm_vcpu_events", "exception.error_code", nameof(KvmVcpuEvents.ExceptionErrorCode), 4),
        Offset<KvmVcpuEvents>("kvm_vcpu_events", "interrupt.shadow", nameof(KvmVcpuEvents.InterruptShadow), 11),
        Offset<KvmVcpuEvents>("kvm_vcpu_events", "flags", nameof(KvmVcpuEvents.Flags), 20),
        Offset<KvmDebugRegs>("kvm_debugregs", "dr6", nameof(KvmDebugRegs.Dr6), 32),
        Offset<KvmGuestDebug>("kvm_guest_debug", "arch.debugreg", nameof(KvmGuestDebug.DebugRegisters), 8),
        Offset<KvmCpuidEntry>("kvm_cpuid_entry2", "eax", nameof(KvmCpuidEntry.Registers), 12),
        Offset<KvmMsrEntry>("kvm_msr_entry", "data", nameof(KvmMsrEntry.Data), 8),
        Offset<KvmEnableCap>("kvm_enable_cap", "args", nameof(KvmEnableCap.Args), 8),
        Offset<KvmMsi>("kvm_msi", "data", nameof(KvmMsi.Data), 8),
    ];

    [Fact]
    public void Numbers_and_layouts_are_those_recorded_from_the_header() =>
        Assert.All(s_values, value => Assert.True(
            value.Ours == value.Recorded, $"{value.C}: ours {value.Ours:X}, recorded {value.Recorded:X}"));

    [Fact]
    public void Numbers_and_layouts_are_those_that_the_C_compiler_gives()
    {
        string directory = Directory.CreateTempSubdirectory("hyperpatch-abi").FullName;
        try
        {
            string source = Path.Combine(directory, "abi.c");
            string program = Path.Combine(directory, "abi");
            File.WriteAllText(source, "#include <stddef.h>\n#include <stdio.h>\n#include <linux/kvm.h>\nint main(void) {\n"
                + string.Concat(s_values.Select(value => $"printf(\"%llx\\n\", (unsigned long long)({value.C}));\n")) + "return 0; }\n");
            (int status, string errors) = Run("cc", "-o", program, source);
            Assert.SkipWhen(status == -1, "no C compiler (cc) here");
            Assert.SkipWhen(errors.Contains("linux/kvm.h", StringComparison.Ordinal) && status != 0
                && errors.Contains("No such file", StringComparison.Ordinal), "linux/kvm.h is not installed here");
            // Older headers lack the newest names: then the recorded values above are all there is.
            Assert.SkipWhen(status != 0 && errors.Contains("undeclared", StringComparison.Ordinal), "linux/kvm.h here is too old");
            Assert.True(status == 0, errors);
            (_, string output) = Run(program);
            string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
            Assert.Equal(s_values.Length, lines.Length);
            Assert.All(s_values.Zip(lines), pair => Assert.True(
                pair.First.Ours == ulong.Parse(pair.Second, NumberStyles.HexNumber, CultureInfo.InvariantCulture),
                $"{pair.First.C}: ours {pair.First.Ours:x}, the compiler's {pair.Second}"));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static (string C, ulong Ours, ulong Recorded) Size<T>(string name, ulong recorded)
        where T : unmanaged => ($"sizeof(struct {name})", (ulong)System.Runtime.CompilerServices.Unsafe.SizeOf<T>(), recorded);

    private static (string C, ulong Ours, ulong Recorded) Offset<T>(string type, string member, string field, ulong recorded) =>
        ($"offsetof(struct {type}, {member})", (ulong)Marshal.OffsetOf<T>(field), recorded);

    private static (int Status, string Output) Run(string file, params string[] arguments)
    {
        try
        {
            ProcessStartInfo start = new(file, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
            start.Environment["LC_ALL"] = "C";
            using Process process = Process.Start(start)!;
            Task<string> errors = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, process.ExitCode == 0 ? output : errors.Result);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return (-1, string.Empty);
        }
    }
}
