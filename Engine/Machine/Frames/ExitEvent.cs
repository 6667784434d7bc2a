namespace Hyperpatch.Engine.Machine.Frames;

/// <summary>One exit in words and numbers, as frames and the API show it. Addresses and values are hexadecimal with 0x.</summary>
public sealed record ExitEvent
{
    /// <summary>Number in the machine's history.</summary>
    public required long Sequence { get; init; }

    /// <summary>When, in milliseconds since 1970 UTC.</summary>
    public required double At { get; init; }

    /// <summary>Processor index.</summary>
    public required int Processor { get; init; }

    /// <summary>Reason, vendor-neutral.</summary>
    public required string Reason { get; init; }

    /// <summary>The vendor's own name for it.</summary>
    public required string NativeName { get; init; }

    /// <summary>The vendor's own code.</summary>
    public required uint NativeCode { get; init; }

    /// <summary>Vendor that the guest saw.</summary>
    public required string Vendor { get; init; }

    /// <summary>RIP at the exit.</summary>
    public required string Rip { get; init; }

    /// <summary>What it was about, in words.</summary>
    public required string Detail { get; init; }

    /// <summary>How long the host handled it, in nanoseconds.</summary>
    public required long DurationNs { get; init; }

    /// <summary>Outcome of an interception, or null.</summary>
    public string? Outcome { get; init; }

    /// <summary>#UD and hypercalls: linear address of the instruction, or null.</summary>
    public string? Site { get; init; }

    /// <summary>#UD and hypercalls: the instruction's bytes as fetched, or null.</summary>
    public string? Bytes { get; init; }

    /// <summary>The bytes after a patch, or null.</summary>
    public string? After { get; init; }

    /// <summary>Policy in force, for interceptions.</summary>
    public string? Policy { get; init; }

    /// <summary>Hypercall number, or null.</summary>
    public long? Hypercall { get; init; }

    /// <summary>Hypercall arguments, or null.</summary>
    public IReadOnlyList<string>? Arguments { get; init; }

    /// <summary>Hypercall result, or null.</summary>
    public long? Result { get; init; }

    /// <summary>Port, or null.</summary>
    public int? Port { get; init; }
}
