using System.Globalization;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Engine.Vendors;
using Hyperpatch.Web.Machines.Inspection;
using Iced.Intel;

namespace Hyperpatch.Web.Machines.Stories;

/// <summary>The first steps of a story: the exit, what was read, what it means, and whom the guest believes to be running on.</summary>
internal static class StorySteps
{
    /// <summary>The processor came back to the host.</summary>
    public static StoryStep Exit(in ExitRecord record, ExitEvent exit)
    {
        List<StoryFact> facts =
        [
            new("vCPU", record.Processor.ToString(CultureInfo.InvariantCulture), "The guest's processor that it happened on."),
            new("RIP", exit.Rip, "The instruction pointer: where in its code the guest was."),
            new("CPL", Cpl(record.Cpl), "The privilege level of that code: 0 is the guest's kernel, 3 its programs."),
            new(CpuVendor.All[record.Vendor].Name + "'s name", $"{exit.NativeName} ({ExitEvents.Hex(exit.NativeCode)})", "What the vendor's manual calls this exit, and its code."),
        ];
        if (exit.Site is { } site && site != exit.Rip)
        {
            facts.Insert(2, new StoryFact("Linear address", site, "RIP plus the base of the code segment."));
        }

        return record.Reason switch
        {
            ExitReason.InvalidOpcode => new StoryStep(
                "exit",
                $"#UD: vCPU {record.Processor} met an instruction it does not know",
                "The processor raised #UD (invalid opcode). The guest has not seen it yet: the host asked to be told first, so the processor left the guest at this very instruction and came back to the host. That is a VM exit.",
                facts),
            ExitReason.Hypercall => new StoryStep(
                "exit",
                $"vCPU {record.Processor} made a hypercall",
                "A hypercall is how a guest asks its host for something, as a program asks its kernel by a system call. The processor left the guest and came back to the host: a VM exit.",
                facts),
            _ => new StoryStep(
                "exit",
                $"vCPU {record.Processor} came back to the host: {exit.Reason}",
                "Something that the guest did is the host's to do. The processor left the guest and came back to the host: a VM exit.",
                facts),
        };
    }

    /// <summary>The host read the instruction.</summary>
    public static StoryStep Fetch(in ExitRecord record, ExitEvent exit) =>
        record.Outcome == InterceptionOutcome.FetchFault
            ? new StoryStep("fetch", "The host could not read the instruction", "The guest's page tables lead nowhere at this address (any more), or forbid to execute there. So there is nothing to decode, and the guest gets the fault of that fetch: a #PF, or a #GP where the addresses end.", [])
            : new StoryStep(
                "fetch",
                record.Length == 1 ? "The host read 1 byte there" : $"The host read {record.Length} bytes there",
                "It followed the guest's own page tables to the instruction and read it from the guest's memory.",
                [new StoryFact("Address", exit.Site ?? exit.Rip, "Linear address of the instruction.")])
            { Bytes = exit.Bytes };

    /// <summary>What the bytes mean.</summary>
    public static StoryStep Decode(in ExitRecord record, int bits)
    {
        if (Form(record) is { } form)
        {
            return new StoryStep(
                "decode",
                $"They are {form.HypercallMnemonic.ToUpperInvariant()}: {form.Name}'s hypercall",
                $"Both vendors' hypercalls begin with 0F 01; the last byte tells them apart: {Both()}.",
                [])
            { Vendor = form.Id };
        }

        string text = Disassemble(record, bits);
        return new StoryStep(
            "decode",
            text.Length > 0 ? $"They are {text}: no hypercall" : "They are no instruction at all, and so no hypercall",
            $"A hypercall would be one of these: {Both()}.",
            []);
    }

    /// <summary>Which vendor the guest sees.</summary>
    public static StoryStep Vendor(in ExitRecord record)
    {
        CpuVendor seen = CpuVendor.All[record.Vendor];
        bool isRight = record.Outcome == InterceptionOutcome.Served;
        return new StoryStep(
            "vendor",
            $"The guest sees a processor by {seen.Name}",
            isRight
                ? $"Its hypercall is {seen.HypercallMnemonic.ToUpperInvariant()}: the instruction is in the right form."
                : $"Its hypercall is {seen.HypercallMnemonic.ToUpperInvariant()} ({Bytes(seen)}). The other vendor's instruction is unknown to it: that is why #UD was raised.",
            [new StoryFact("CPUID", seen.Identity, "The name by which the processor introduces itself to the guest.")])
        { Vendor = seen.Id };
    }

    /// <summary>The vendor whose hypercall the instruction is as it was fetched, or null.</summary>
    public static CpuVendor? Form(in ExitRecord record) =>
        record.Outcome is InterceptionOutcome.InvalidOpcode or InterceptionOutcome.FetchFault ? null : CpuVendor.FromHypercallOpcode(record.Before);

    private static string Cpl(byte cpl) => cpl switch
    {
        0 => "0 (kernel)",
        3 => "3 (program)",
        _ => cpl.ToString(CultureInfo.InvariantCulture),
    };

    private static string Bytes(CpuVendor vendor) => string.Create(CultureInfo.InvariantCulture, $"0F 01 {vendor.HypercallOpcode:X2}");

    private static string Both() => string.Join(
        ", ", CpuVendor.All.Select(vendor => $"{Bytes(vendor)} is {vendor.Name}'s {vendor.HypercallMnemonic.ToUpperInvariant()}"));

    private static string Disassemble(in ExitRecord record, int bits)
    {
        byte[] bytes = new byte[Math.Min((int)record.Length, ExitRecord.MaximumBytes)];
        for (int i = 0; i < bytes.Length; i++)
        {
            bytes[i] = (byte)(record.Bytes >> (i * 8));
        }

        Decoder decoder = Decoder.Create(bits, new ByteArrayCodeReader(bytes), record.Rip);
        decoder.Decode(out Instruction instruction);
        if (instruction.IsInvalid)
        {
            return "";
        }

        var output = new StringOutput();
        Listing.Formatter().Format(instruction, output);
        return output.ToStringAndReset();
    }
}
