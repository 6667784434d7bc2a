namespace Hyperpatch.Engine.Guests.Images;

/// <summary>
/// Where things are in a long-mode image. Everything lies in the first 2 MiB, which are mapped one to one in 4 KiB
/// pages; the rest of the first 4 GiB is mapped one to one in 2 MiB pages, present or not in RAM. Page 0 is not mapped.
/// </summary>
internal static class LongModeLayout
{
    /// <summary>Global descriptor table, the processors' TSS descriptors included.</summary>
    public const ulong Gdt = 0x1000;

    /// <summary>Interrupt descriptor table, 256 gates.</summary>
    public const ulong Idt = 0x2000;

    /// <summary>One TSS each processor.</summary>
    public const ulong Tss = 0x3000;

    /// <summary>Distance of two processors' TSSs.</summary>
    public const ulong TssStride = 0x80;

    /// <summary>One <see cref="ExceptionRecord"/> each processor.</summary>
    public const ulong ExceptionRecords = 0x5000;

    /// <summary>Room for page tables; CR3 points to its start.</summary>
    public const ulong PageTables = 0x6000;

    /// <summary>Room for pages that are mapped outside the identity map.</summary>
    public const ulong Pages = 0x40000;

    /// <summary>Code of an image that leaves everything from 1 MiB up to a program; it has no room for mapped pages, then.</summary>
    public const ulong LowText = 0x40000;

    /// <summary>Constants of such an image.</summary>
    public const ulong LowReadOnlyData = 0x50000;

    /// <summary>Variables of such an image, up to the stacks.</summary>
    public const ulong LowData = 0x60000;

    /// <summary>Stacks: for each processor 4 KiB of main stack, 2 KiB for entries from CPL 3 (RSP0), 2 KiB for #DF (IST 1).</summary>
    public const ulong Stacks = 0x80000;

    /// <summary>Bytes of stacks a processor.</summary>
    public const ulong StackStride = 0x2000;

    /// <summary>Code.</summary>
    public const ulong Text = 0x100000;

    /// <summary>Constants.</summary>
    public const ulong ReadOnlyData = 0x180000;

    /// <summary>Variables.</summary>
    public const ulong Data = 0x1C0000;

    /// <summary>End of variables.</summary>
    public const ulong End = 0x200000;

    /// <summary>End of the identity map.</summary>
    public const ulong IdentityEnd = 0x1_0000_0000;

    /// <summary>Processors at most.</summary>
    public const int MaximumProcessors = 64;

    /// <summary>RSP at a processor's start, a multiple of 16.</summary>
    /// <param name="processor">Index.</param>
    public static ulong StackTop(int processor) => Stacks + ((ulong)processor * StackStride) + 0x1000;

    /// <summary>RSP0 of a processor's TSS.</summary>
    /// <param name="processor">Index.</param>
    public static ulong PrivilegeStackTop(int processor) => StackTop(processor) + 0x800;

    /// <summary>IST 1 of a processor's TSS.</summary>
    /// <param name="processor">Index.</param>
    public static ulong DoubleFaultStackTop(int processor) => StackTop(processor) + 0x1000;
}
