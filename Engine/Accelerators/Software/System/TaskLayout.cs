namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>Where a task's state lies in its segment (Intel SDM vol. 3, figures 8-2 and 8-10).</summary>
/// <param name="IsWide">Of 32 bits.</param>
internal readonly record struct TaskLayout(bool IsWide)
{
    /// <summary>Selector of the task that this one is nested in.</summary>
    public const int Link = 0;

    /// <summary>CR3, in the wide one.</summary>
    public const int Cr3 = 28;

    /// <summary>Bit 0: #DB when the task is entered; in the wide one.</summary>
    public const int Trap = 100;

    /// <summary>Lowest limit.</summary>
    public int LeastLimit => IsWide ? 103 : 43;

    /// <summary>Bytes of a register.</summary>
    public int Width => IsWide ? 4 : 2;

    /// <summary>EIP; EFLAGS is behind it.</summary>
    public int Start => IsWide ? 32 : 14;

    /// <summary>Segment registers that there are, in the order of their numbers.</summary>
    public int Segments => IsWide ? 6 : 4;

    /// <summary>LDTR's selector.</summary>
    public int Ldt => IsWide ? 96 : 42;

    /// <summary>The layout of a TSS descriptor's type.</summary>
    /// <param name="type">The lowest 4 bits of its access byte.</param>
    public static TaskLayout OfType(int type) => new((type & 8) != 0);

    /// <summary>A general register.</summary>
    /// <param name="index">Its number in an instruction.</param>
    public int Register(int index) => Start + ((index + 2) * Width);

    /// <summary>A segment register's selector.</summary>
    /// <param name="index">Its number in an instruction.</param>
    public int Segment(int index) => Start + ((index + 10) * Width);
}
