using System.Globalization;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Engine.Vendors;
using Hyperpatch.Web.Machines.Inspection;
using Hyperpatch.Web.Texts;
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
            new("vCPU", record.Processor.ToString(CultureInfo.InvariantCulture), StoryTexts.VcpuHelp),
            new("RIP", exit.Rip, StoryTexts.RipHelp),
            new("CPL", Cpl(record.Cpl), StoryTexts.CplHelp),
            new(Phrase.Of(StoryTexts.VendorsName, CpuVendor.All[record.Vendor].Name), $"{exit.NativeName} ({ExitEvents.Hex(exit.NativeCode)})", StoryTexts.VendorsNameHelp),
        ];
        if (exit.Site is { } site && site != exit.Rip)
        {
            facts.Insert(2, new StoryFact(StoryTexts.LinearAddress, site, StoryTexts.LinearAddressHelp));
        }

        return record.Reason switch
        {
            ExitReason.InvalidOpcode => new StoryStep(
                "exit",
                Phrase.Of(StoryTexts.ExitInvalidOpcode, record.Processor),
                StoryTexts.ExitInvalidOpcodeText,
                facts),
            ExitReason.Hypercall => new StoryStep(
                "exit",
                Phrase.Of(StoryTexts.ExitHypercall, record.Processor),
                StoryTexts.ExitHypercallText,
                facts),
            _ => new StoryStep(
                "exit",
                Phrase.Of(StoryTexts.ExitOther, record.Processor, exit.Reason),
                StoryTexts.ExitOtherText,
                facts),
        };
    }

    /// <summary>The host read the instruction.</summary>
    public static StoryStep Fetch(in ExitRecord record, ExitEvent exit) =>
        record.Outcome == InterceptionOutcome.FetchFault
            ? new StoryStep("fetch", StoryTexts.FetchFault, StoryTexts.FetchFaultText, [])
            : new StoryStep(
                "fetch",
                record.Length == 1 ? StoryTexts.FetchOneByte : Phrase.Of(StoryTexts.FetchBytes, record.Length),
                StoryTexts.FetchText,
                [new StoryFact(StoryTexts.Address, exit.Site ?? exit.Rip, StoryTexts.AddressHelp)])
            { Bytes = exit.Bytes };

    /// <summary>What the bytes mean.</summary>
    public static StoryStep Decode(in ExitRecord record, int bits)
    {
        if (Form(record) is { } form)
        {
            return new StoryStep(
                "decode",
                Phrase.Of(StoryTexts.DecodeHypercall, form.HypercallMnemonic.ToUpperInvariant(), form.Name),
                Phrase.Of(StoryTexts.DecodeHypercallText, Both()),
                [])
            { Vendor = form.Id };
        }

        string text = Disassemble(record, bits);
        return new StoryStep(
            "decode",
            text.Length > 0 ? Phrase.Of(StoryTexts.DecodeOther, text) : StoryTexts.DecodeNothing,
            Phrase.Of(StoryTexts.DecodeOtherText, Both()),
            []);
    }

    /// <summary>Which vendor the guest sees.</summary>
    public static StoryStep Vendor(in ExitRecord record)
    {
        CpuVendor seen = CpuVendor.All[record.Vendor];
        bool isRight = record.Outcome == InterceptionOutcome.Served;
        return new StoryStep(
            "vendor",
            Phrase.Of(StoryTexts.Vendor, seen.Name),
            isRight
                ? Phrase.Of(StoryTexts.VendorRight, seen.HypercallMnemonic.ToUpperInvariant())
                : Phrase.Of(StoryTexts.VendorWrong, seen.HypercallMnemonic.ToUpperInvariant(), Bytes(seen)),
            [new StoryFact("CPUID", seen.Identity, StoryTexts.CpuidHelp)])
        { Vendor = seen.Id };
    }

    /// <summary>The vendor whose hypercall the instruction is as it was fetched, or null.</summary>
    public static CpuVendor? Form(in ExitRecord record) =>
        record.Outcome is InterceptionOutcome.InvalidOpcode or InterceptionOutcome.FetchFault ? null : CpuVendor.FromHypercallOpcode(record.Before);

    private static string Cpl(byte cpl) => cpl switch
    {
        0 => StoryTexts.CplKernel,
        3 => StoryTexts.CplProgram,
        _ => cpl.ToString(CultureInfo.InvariantCulture),
    };

    private static string Bytes(CpuVendor vendor) => string.Create(CultureInfo.InvariantCulture, $"0F 01 {vendor.HypercallOpcode:X2}");

    private static string Both() => string.Join(
        ", ", CpuVendor.All.Select(vendor => Phrase.Of(StoryTexts.BytesAreHypercall, Bytes(vendor), vendor.Name, vendor.HypercallMnemonic.ToUpperInvariant())));

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
