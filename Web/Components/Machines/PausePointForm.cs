using System.Globalization;
using Hyperpatch.Engine.Hypercalls;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Web.Machines.Commands;
using Hyperpatch.Web.Machines.Inspection;
using Hyperpatch.Web.Texts;

namespace Hyperpatch.Web.Components.Machines;

/// <summary>A pause point as it is typed on a page. Fields that its kind has not are kept, and left out when it is sent.</summary>
public sealed class PausePointForm
{
    /// <summary>The kinds, by their names in the API, in words.</summary>
    public static IReadOnlyList<(string Kind, string Text)> Kinds { get; } =
    [
        ("address", MachineTexts.PauseAtAddress),
        ("exit", MachineTexts.PauseAtExit),
        ("hypercall", MachineTexts.PauseAtHypercall),
        ("patch", MachineTexts.PauseAtPatch),
        ("invalid-opcode", MachineTexts.PauseAtInvalidOpcode),
    ];

    /// <summary>The numbers that have names, for a help text.</summary>
    public static string KnownNumbers { get; } = string.Join(
        ", ",
        Enumerable.Range(1, HypercallNumber.TableSize - 1)
            .Where(number => (ulong)number is HypercallNumber.VapicPollIrq or HypercallNumber.KickCpu or >= HypercallNumber.ClockPairing)
            .Select(number => string.Create(CultureInfo.InvariantCulture, $"{number} {HypercallNumber.Name((ulong)number)}")));

    /// <summary>The kind.</summary>
    public string Kind { get; set; } = "address";

    /// <summary>For an address: as in the memory pane.</summary>
    public string Address { get; set; } = "";

    /// <summary>For an exit: the reason.</summary>
    public string Reason { get; set; } = "Hypercall";

    /// <summary>For a hypercall: the number.</summary>
    public string Number { get; set; } = "";

    /// <summary>Index of the processor, or empty for all.</summary>
    public string Processor { get; set; } = "";

    /// <summary>Whether it goes once it was met.</summary>
    public bool Once { get; set; }

    /// <summary>As it is sent.</summary>
    /// <param name="machine">The machine: registers and sites are looked up in it.</param>
    /// <returns>The request, or what is wrong by field.</returns>
    public CommandResult<PausePointRequest> ToRequest(VirtualMachine machine)
    {
        ArgumentNullException.ThrowIfNull(machine);
        int? processor = int.TryParse(Processor, NumberStyles.None, CultureInfo.InvariantCulture, out int index) ? index : null;
        if (Kind == "address")
        {
            MachineInspector inspector = new(machine, processor is { } known && known < machine.Processors.Length ? known : 0);
            return inspector.TryParse(Address, AddressSpace.Virtual, out ulong address, out string error)
                ? new PausePointRequest { Kind = Kind, Address = ExitEvents.Hex(address), Processor = processor, Once = Once }
                : CommandError.Invalid("address", error);
        }

        if (Kind == "hypercall")
        {
            return long.TryParse(Number, NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out long number) && number >= 0
                ? new PausePointRequest { Kind = Kind, Number = number, Processor = processor, Once = Once }
                : CommandError.Invalid("number", Phrase.Of(MachineTexts.WriteAHypercallsNumber, KnownNumbers));
        }

        return new PausePointRequest { Kind = Kind, Reason = Kind == "exit" ? Reason : null, Processor = processor, Once = Once };
    }
}
