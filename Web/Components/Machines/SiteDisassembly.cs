using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Engine.Vendors;
using Hyperpatch.Web.Machines.Inspection;
using Iced.Intel;

namespace Hyperpatch.Web.Components.Machines;

/// <summary>
/// The code around a hypercall site, read from guest-physical memory. It ends at the page's bounds: the next page may be anywhere.
/// Instructions have no fixed length, so what is before the site can only be guessed: decoding is tried from every byte, and wrong beginnings
/// fall into step with the right one soon, so at each step back the instruction is taken that most beginnings came through.
/// </summary>
public static class SiteDisassembly
{
    private const int PageSize = 4096;
    private const int Before = 64;
    private const int LinesBefore = 7;
    private const int LinesAfter = 8;

    /// <summary>The lines, in the order of addresses. Empty where the memory cannot be read.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="site">The site.</param>
    public static IReadOnlyList<DisassembledLine> Around(VirtualMachine machine, HypercallSite site)
    {
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentNullException.ThrowIfNull(site);
        int bits = machine.Processors.Select(processor => processor.Snapshot?.CodeBits).FirstOrDefault(known => known is > 0) ?? 64;
        int length = Math.Max(CpuVendor.HypercallLength, site.Instruction.Length);

        // The marked byte is the instruction's last; the instruction may begin on the page before, which is then left out.
        byte[] page = new byte[PageSize];
        ulong pageStart = site.Physical & ~(ulong)(PageSize - 1);
        int start = (int)(site.Physical - pageStart) - (length - 1);
        return start >= 0 && machine.TryReadMemory(pageStart, page) ? List(page, start, site.Linear, bits) : [];
    }

    /// <summary>Lists a page's code around an instruction.</summary>
    /// <param name="page">The page.</param>
    /// <param name="start">Where in it the instruction begins.</param>
    /// <param name="linear">Linear address of the instruction.</param>
    /// <param name="bits">Width of the code: 16, 32 or 64.</param>
    public static IReadOnlyList<DisassembledLine> List(byte[] page, int start, ulong linear, int bits)
    {
        ArgumentNullException.ThrowIfNull(page);
        NasmFormatter formatter = Listing.Formatter();
        var output = new StringOutput();
        int first = FindFirst(page, start, linear, bits);
        Decoder decoder = Create(page, first, linear - (ulong)(start - first), bits);
        List<DisassembledLine> lines = [];
        int offset = first;
        int after = 0;
        while (offset < page.Length && after <= LinesAfter)
        {
            decoder.Decode(out Instruction instruction);
            if (instruction.IsInvalid && offset != start)
            {
                // Data, or the page's end: nothing sensible follows.
                break;
            }

            formatter.Format(instruction, output);
            ReadOnlySpan<byte> bytes = page.AsSpan(offset, instruction.Length);
            lines.Add(new DisassembledLine(
                ExitEvents.Hex(instruction.IP), ExitEvents.Bytes(bytes), output.ToStringAndReset(), Listing.VendorOf(bytes, bits), offset == start));
            after += offset >= start ? 1 : 0;
            offset += instruction.Length;
        }

        int here = lines.FindIndex(line => line.IsSite);
        return here > LinesBefore ? lines[(here - LinesBefore)..] : lines;
    }

    private static Decoder Create(byte[] page, int offset, ulong ip, int bits) =>
        Decoder.Create(bits, new ByteArrayCodeReader(page, offset, page.Length - offset), ip);

    private static int FindFirst(byte[] page, int start, ulong linear, int bits)
    {
        int earliest = Math.Max(0, start - Before);
        int count = start - earliest;
        int[] next = new int[count];
        for (int i = 0; i < count; i++)
        {
            int offset = earliest + i;
            Create(page, offset, linear - (ulong)(start - offset), bits).Decode(out Instruction instruction);
            next[i] = instruction.IsInvalid ? count + 1 : i + instruction.Length;
        }

        // How many beginnings come through each place on their way to the site.
        int[] votes = new int[count];
        for (int from = 0; from < count; from++)
        {
            int at = from;
            while (at < count)
            {
                at = next[at];
            }

            for (int through = from; at == count && through < count; through = next[through])
            {
                votes[through]++;
            }
        }

        int first = count;
        for (int line = 0; line < LinesBefore; line++)
        {
            int best = Enumerable.Range(0, first).Where(i => next[i] == first && votes[i] > 1).OrderByDescending(i => votes[i]).FirstOrDefault(-1);
            if (best < 0)
            {
                break;
            }

            first = best;
        }

        return earliest + first;
    }
}
