using System.Runtime.InteropServices;
using Hyperpatch.Engine.Exits;

namespace Hyperpatch.Engine.Machine;

/// <summary>A handler for each exit reason, in a table as in the kernel's svm_exit_handlers and kvm_vmx_exit_handlers.</summary>
internal static class ExitHandlers
{
    private delegate void Handler(VirtualMachine machine, VirtualProcessor processor, ref VmExit exit);

    private static readonly Handler[] s_table = BuildTable();

    /// <summary>Handles an exit and fills the processor's record.</summary>
    public static void Handle(VirtualMachine machine, VirtualProcessor processor, ref VmExit exit) =>
        s_table[(int)exit.Reason](machine, processor, ref exit);

    private static Handler[] BuildTable()
    {
        Handler[] table = new Handler[ExitReasons.Count];
        Array.Fill(table, Nothing);
        table[(int)ExitReason.InvalidOpcode] = Intercept;
        table[(int)ExitReason.Hypercall] = Hypercall;
        table[(int)ExitReason.PortIo] = PortIo;
        table[(int)ExitReason.Mmio] = Mmio;
        table[(int)ExitReason.MsrRead] = UnknownMsr;
        table[(int)ExitReason.MsrWrite] = UnknownMsr;
        table[(int)ExitReason.ControlRegister] = ControlRegister;
        table[(int)ExitReason.Breakpoint] = Breakpoint;
        table[(int)ExitReason.Shutdown] = Shutdown;
        table[(int)ExitReason.Failure] = Failure;
        return table;
    }

    private static void Nothing(VirtualMachine machine, VirtualProcessor processor, ref VmExit exit)
    {
    }

    private static void Intercept(VirtualMachine machine, VirtualProcessor processor, ref VmExit exit)
    {
        processor.Intercept();
        if (exit.IsUnimplemented && processor.Record.Outcome == Interception.InterceptionOutcome.InvalidOpcode)
        {
            processor.Record.Value1 = 1;
        }
    }

    private static void ControlRegister(VirtualMachine machine, VirtualProcessor processor, ref VmExit exit)
    {
        ref ExitRecord record = ref processor.Record;
        record.Value0 = exit.Address;
        record.Value1 = exit.Value;
        record.IsWrite = exit.IsWrite;
    }

    private static void Hypercall(VirtualMachine machine, VirtualProcessor processor, ref VmExit exit)
    {
        if (exit.InstructionLength != 0)
        {
            processor.Serve(exit);
        }
        else
        {
            processor.Intercept();
        }
    }

    private static void PortIo(VirtualMachine machine, VirtualProcessor processor, ref VmExit exit)
    {
        Span<byte> data = processor.Processor.ExitData;
        machine.Ports.Access(exit.Port, exit.Size, exit.IsWrite, data);
        ref ExitRecord record = ref processor.Record;
        record.Port = exit.Port;
        record.Size = exit.Size;
        record.IsWrite = exit.IsWrite;
        record.Value0 = FirstValue(data, exit.Size);
        record.Value1 = exit.Count;
    }

    private static void Mmio(VirtualMachine machine, VirtualProcessor processor, ref VmExit exit)
    {
        // Nothing is there: reads give all ones, writes vanish, as on a bus without a device.
        Span<byte> data = processor.Processor.ExitData;
        if (!exit.IsWrite)
        {
            data.Fill(0xFF);
        }

        ref ExitRecord record = ref processor.Record;
        record.Size = exit.Size;
        record.IsWrite = exit.IsWrite;
        record.Value0 = exit.Address;
        record.Value1 = FirstValue(data, data.Length);
    }

    private static void UnknownMsr(VirtualMachine machine, VirtualProcessor processor, ref VmExit exit)
    {
        processor.Record.Value0 = exit.Address;
        processor.Record.Value1 = exit.Value;
        processor.Processor.InjectGeneralProtection();
    }

    private static void Breakpoint(VirtualMachine machine, VirtualProcessor processor, ref VmExit exit) =>
        processor.Record.Linear = exit.Address;

    private static void Shutdown(VirtualMachine machine, VirtualProcessor processor, ref VmExit exit) =>
        machine.Fail(processor.Index, "the guest triple-faulted (an exception during the delivery of a double fault)");

    private static void Failure(VirtualMachine machine, VirtualProcessor processor, ref VmExit exit)
    {
        processor.Record.Value0 = exit.Address;
        processor.Record.Value1 = exit.Value;
        machine.Fail(processor.Index, processor.Processor.FailureText);
    }

    private static ulong FirstValue(ReadOnlySpan<byte> data, int size) => size switch
    {
        _ when data.Length < size => 0,
        1 => data[0],
        2 => MemoryMarshal.Read<ushort>(data),
        4 => MemoryMarshal.Read<uint>(data),
        8 => MemoryMarshal.Read<ulong>(data),
        _ => 0,
    };
}
