namespace Hyperpatch.Engine.Guests.Loading;

/// <summary>What a person says about an image file. Null: as the file says, or the usual.</summary>
public sealed record ImageSettings
{
    /// <summary>Its form. Null: Multiboot where it has such a header, ELF where it begins like one, else flat.</summary>
    public ImageFormat? Format { get; init; }

    /// <summary>Flat only: the mode it starts in. Null: 64-bit.</summary>
    public GuestMode? Mode { get; init; }

    /// <summary>Flat only: guest-physical address of its first byte. Null: 0x7C00 in real mode (as a boot sector), else 0x100000.</summary>
    public ulong? LoadAddress { get; init; }

    /// <summary>Flat only: guest-physical address of its first instruction. Null: the load address.</summary>
    public ulong? EntryAddress { get; init; }
}
