namespace Hyperpatch.Engine.Guests.Images;

/// <summary>Bits of a page-table entry that say what may be done with the page (Intel SDM vol. 3, 4.5).</summary>
[Flags]
internal enum PageFlags : ulong
{
    /// <summary>Not present: any access is a #PF.</summary>
    None = 0,

    /// <summary>P.</summary>
    Present = 1,

    /// <summary>R/W.</summary>
    Writable = 2,

    /// <summary>U/S.</summary>
    User = 4,

    /// <summary>XD / NX.</summary>
    NoExecute = 1UL << 63,

    /// <summary>Code that may be patched: present, writable, executable.</summary>
    Code = Present | Writable,

    /// <summary>Code in read-only text.</summary>
    ReadOnlyCode = Present,

    /// <summary>Data: present, writable, not executable.</summary>
    Data = Present | Writable | NoExecute,

    /// <summary>Constants: present, neither writable nor executable.</summary>
    ReadOnlyData = Present | NoExecute,
}
