namespace Hyperpatch.Web.Machines.Commands;

/// <summary>A machine to make, as a person or a program asks for it. What is left out has the default of the settings or the guest.</summary>
public sealed record CreateMachineRequest
{
    /// <summary>A name for people, at most 60 characters. Default: the guest's.</summary>
    public string? Name { get; init; }

    /// <summary>A guest of the catalogue.</summary>
    public string? Guest { get; init; }

    /// <summary>intel or amd. Default: intel.</summary>
    public string? Vendor { get; init; }

    /// <summary>auto, kvm or software. Default: as in the settings.</summary>
    public string? Accelerator { get; init; }

    /// <summary>
    /// Whether a run repeats exactly: processors in turn, time from the number of instructions. Only on the processor in software, which
    /// <c>auto</c> then takes.
    /// </summary>
    public bool Deterministic { get; init; }

    /// <summary>Whether accesses to control registers are shown as exits; only the processor in software can.</summary>
    public bool InterceptControlRegisters { get; init; }

    /// <summary>faithful, force, emulate or inject. Default: force.</summary>
    public string? Policy { get; init; }

    /// <summary>Processors, 1 to 64. Default: as many as the guest is best shown with.</summary>
    public int? Processors { get; init; }

    /// <summary>Memory in MiB. Default: 64.</summary>
    public int? MemoryMiB { get; init; }

    /// <summary>The guest's command line.</summary>
    public string? CommandLine { get; init; }

    /// <summary>In the place of a guest: assembly language for the GNU assembler, 64-bit code.</summary>
    public string? Source { get; init; }

    /// <summary>Of a source: intel or att. Default: intel.</summary>
    public string? Syntax { get; init; }

    /// <summary>Of an image file: auto, flat, elf or multiboot. Default: auto, as the file says.</summary>
    public string? Format { get; init; }

    /// <summary>Of a flat image file: 16, 32 or 64, the mode it starts in. Default: 64.</summary>
    public string? Mode { get; init; }

    /// <summary>Of a flat image file: where its first byte goes, hexadecimal with 0x. Default: 0x7C00 in 16-bit mode, else 0x100000.</summary>
    public string? LoadAddress { get; init; }

    /// <summary>Of a flat image file: where it starts, hexadecimal with 0x. Default: the load address.</summary>
    public string? EntryAddress { get; init; }

    /// <summary>Whether to start it at once.</summary>
    public bool Start { get; init; }
}
