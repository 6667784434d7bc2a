using System.Globalization;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Machine.PausePoints;
using Hyperpatch.Web.Configuration;

namespace Hyperpatch.Web.Machines.Commands;

/// <summary>A pause point to set, as a person or a program asks for it.</summary>
public sealed record PausePointRequest
{
    /// <summary>address, exit, hypercall, patch or invalid-opcode.</summary>
    public string? Kind { get; init; }

    /// <summary>For address: linear address of an instruction, hexadecimal with 0x.</summary>
    public string? Address { get; init; }

    /// <summary>For exit: the reason, such as PortIo.</summary>
    public string? Reason { get; init; }

    /// <summary>For hypercall: the number, 0 or more.</summary>
    public long? Number { get; init; }

    /// <summary>This processor's alone; left out: all processors'.</summary>
    public int? Processor { get; init; }

    /// <summary>Whether the point goes once it was met.</summary>
    public bool Once { get; init; }

    /// <summary>As the engine wants it.</summary>
    /// <exception cref="MachineOptionException">A field is not allowed; it is named.</exception>
    internal PausePointOptions ToOptions()
    {
        if (!PausePointNames.TryParse(Kind, out PausePointKind kind))
        {
            throw new MachineOptionException("kind", PlainNames.NotAllowed("kind", Kind, PausePointNames.All));
        }

        RefuseOthers(kind);
        return new PausePointOptions
        {
            Kind = kind,
            Address = kind == PausePointKind.Address ? ParseAddress() : 0,
            Reason = kind == PausePointKind.Exit ? ParseReason() : ExitReason.None,
            Number = kind != PausePointKind.Hypercall ? 0
                : Number is >= 0 and { } number ? (ulong)number
                : throw new MachineOptionException("number", "Field \"number\" has to be a hypercall's number, 0 or more."),
            Processor = Processor,
            Once = Once,
        };
    }

    private void RefuseOthers(PausePointKind kind)
    {
        (string Field, bool IsGiven, PausePointKind Kind)[] fields =
        [
            ("address", Address is not null, PausePointKind.Address),
            ("reason", Reason is not null, PausePointKind.Exit),
            ("number", Number is not null, PausePointKind.Hypercall),
        ];
        foreach ((string field, bool isGiven, PausePointKind owner) in fields)
        {
            if (isGiven && owner != kind)
            {
                throw new MachineOptionException(field, $"Field \"{field}\" is for points of kind \"{PausePointNames.Of(owner)}\" alone.");
            }
        }
    }

    private ulong ParseAddress() =>
        Address is { } text && text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            && ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong address)
            ? address
            : throw new MachineOptionException("address", "Field \"address\" has to be hexadecimal with 0x, up to 16 digits, such as \"0x100000\".");

    private ExitReason ParseReason() =>
        Words.TryParse(Reason, out ExitReason reason) && PausePoint.Reasons.Contains(reason) ? reason
            : throw new MachineOptionException("reason", PlainNames.NotAllowed("reason", Reason, PausePoint.Reasons.Select(known => known.Name())));
}
