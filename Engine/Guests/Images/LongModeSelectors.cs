namespace Hyperpatch.Engine.Guests.Images;

/// <summary>Selectors of a long-mode image's GDT.</summary>
internal static class LongModeSelectors
{
    /// <summary>64-bit code, CPL 0.</summary>
    public const ushort Code = 0x08;

    /// <summary>Data, CPL 0.</summary>
    public const ushort Data = 0x10;

    /// <summary>32-bit code (compatibility mode), CPL 3.</summary>
    public const ushort UserCode32 = 0x18 | 3;

    /// <summary>Data, CPL 3.</summary>
    public const ushort UserData = 0x20 | 3;

    /// <summary>64-bit code, CPL 3.</summary>
    public const ushort UserCode = 0x28 | 3;

    /// <summary>32-bit code (compatibility mode), CPL 0.</summary>
    public const ushort Code32 = 0x30;

    /// <summary>TSS of processor 0; the others follow at 16-byte steps.</summary>
    public const ushort Task = 0x40;
}
