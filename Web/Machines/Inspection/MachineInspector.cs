using System.Globalization;
using System.Text;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Machine.Frames;
using Hyperpatch.Engine.Memory;
using Hyperpatch.Engine.Vendors;
using Iced.Intel;
using Decoder = Iced.Intel.Decoder;

namespace Hyperpatch.Web.Machines.Inspection;

/// <summary>
/// Looks at a machine's memory through one processor's eyes. Nothing is stopped for it: while the guest runs, registers are those of the last
/// look (several times a second) and memory is as it is now.
/// </summary>
/// <param name="machine">The machine.</param>
/// <param name="processor">The processor's index.</param>
public sealed class MachineInspector(VirtualMachine machine, int processor)
{
    /// <summary>Bytes that are read at once at most.</summary>
    public const int MaximumLength = 4096;

    /// <summary>Instructions that are listed at once at most.</summary>
    public const int MaximumCount = 256;

    private const int PageSize = 4096;
    private readonly ProcessorSnapshot? _snapshot = machine.Processors[processor].Snapshot;
    private readonly Lazy<Dictionary<ulong, HypercallSite>> _sites = new(() => machine.Sites.All().ToDictionary(site => site.Physical));

    /// <summary>Whether the processor has run, so that its registers and page tables are known.</summary>
    public bool HasRun => _snapshot is not null;

    /// <summary>Understands an address as a person types it.</summary>
    /// <param name="text">As typed.</param>
    /// <param name="space">In which space it is meant: a site's address depends on it.</param>
    /// <param name="address">The address.</param>
    /// <param name="error">Why it was not understood.</param>
    public bool TryParse(string? text, AddressSpace space, out ulong address, out string error) => GuestAddress.TryParse(
        text,
        _snapshot,
        id => machine.Sites.Find(id) is { } site ? space == AddressSpace.Virtual ? site.Linear : site.Physical - (ulong)Math.Max(0, site.Instruction.Length - 1) : null,
        out address,
        out error);

    /// <summary>Reads memory.</summary>
    /// <param name="address">First address.</param>
    /// <param name="length">Bytes, 1 to <see cref="MaximumLength"/>.</param>
    /// <param name="space">What the address means.</param>
    public MemoryView Memory(ulong address, int length, AddressSpace space)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, MaximumLength);
        var text = new StringBuilder(length * 3);
        List<MemoryMapping> mappings = [];
        List<MemorySite> sites = [];
        foreach ((ulong at, byte[]? bytes, int count, ulong? physical) in Pages(address, length, space))
        {
            for (int i = 0; i < count; i++)
            {
                text.Append(text.Length > 0 ? " " : "").Append(bytes is null ? "??" : bytes[i].ToString("X2", CultureInfo.InvariantCulture));
                if (physical is { } place && _sites.Value.TryGetValue(place + (ulong)i, out HypercallSite? site))
                {
                    sites.Add(new MemorySite(site.Id, ExitEvents.Hex(at + (ulong)i), site.Patches));
                }
            }

            if (physical is { } found)
            {
                mappings.Add(new MemoryMapping(ExitEvents.Hex(at), ExitEvents.Hex(found), count));
            }
        }

        return new MemoryView(ExitEvents.Hex(address), length, space.Name(), processor, text.ToString(), mappings, sites);
    }

    /// <summary>Disassembles memory in the processor's mode.</summary>
    /// <param name="address">Address of the first instruction.</param>
    /// <param name="count">Instructions, 1 to <see cref="MaximumCount"/>.</param>
    /// <param name="space">What the address means.</param>
    public DisassemblyView Disassemble(ulong address, int count, AddressSpace space)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, MaximumCount);
        int bits = _snapshot?.CodeBits is { } known and > 0 ? known : 64;
        List<byte> code = [];
        List<ulong> places = [];
        foreach ((_, byte[]? bytes, int length, ulong? physical) in Pages(address, Math.Min(MaximumLength, count * CpuVendor.MaximumInstructionLength), space))
        {
            if (bytes is null || physical is not { } place)
            {
                break;
            }

            code.AddRange(bytes.AsSpan(0, length));
            places.AddRange(Enumerable.Range(0, length).Select(i => place + (ulong)i));
        }

        return new DisassemblyView(ExitEvents.Hex(address), space.Name(), processor, bits, [.. Instructions([.. code], places, address, bits).Take(count)]);
    }

    /// <summary>Follows a page walk; null where the processor has not run yet or the machine is gone.</summary>
    /// <param name="linear">Linear address.</param>
    public TranslationView? Translate(ulong linear) =>
        _snapshot is not null && machine.TraceWalk(_snapshot.Paging, linear) is { } trace ? TranslationView.Of(trace, processor) : null;

    private IEnumerable<InstructionView> Instructions(byte[] code, List<ulong> places, ulong address, int bits)
    {
        NasmFormatter formatter = Listing.Formatter();
        var output = new StringOutput();
        Decoder decoder = Decoder.Create(bits, new ByteArrayCodeReader(code), address);
        for (int offset = 0; offset < code.Length;)
        {
            decoder.Decode(out Instruction instruction);
            if (decoder.LastError == DecoderError.NoMoreBytes)
            {
                yield break;
            }

            // A byte that begins no instruction is listed alone, as other disassemblers do, and the next one is tried.
            int length = instruction.IsInvalid ? 1 : instruction.Length;
            byte[] bytes = code[offset..(offset + length)];
            string text = "(bad)";
            if (!instruction.IsInvalid)
            {
                formatter.Format(instruction, output);
                text = output.ToStringAndReset();
            }
            else
            {
                decoder = Decoder.Create(bits, new ByteArrayCodeReader(code, offset + 1, code.Length - offset - 1), address + (ulong)offset + 1);
            }

            string? vendor = Listing.VendorOf(bytes, bits);
            HypercallSite? site = vendor is not null && _sites.Value.TryGetValue(places[offset + length - 1], out HypercallSite? known) ? known : null;
            yield return new InstructionView(ExitEvents.Hex(address + (ulong)offset), ExitEvents.Bytes(bytes), text, vendor, site?.Id, site?.Patches ?? 0);
            offset += length;
        }
    }

    // The range page by page: bytes are null, and so is the physical address, where nothing is mapped or no memory is.
    private IEnumerable<(ulong At, byte[]? Bytes, int Length, ulong? Physical)> Pages(ulong address, int length, AddressSpace space)
    {
        for (int done = 0; done < length;)
        {
            ulong at = address + (ulong)done;
            int chunk = Math.Min(length - done, PageSize - (int)(at & (PageSize - 1)));
            ulong? physical = space == AddressSpace.Physical ? at
                : _snapshot is null ? null
                : machine.TraceWalk(_snapshot.Paging, at)?.Physical;
            byte[] bytes = new byte[chunk];
            bool isRead = physical is { } place && machine.TryReadMemory(place, bytes);
            yield return (at, isRead ? bytes : null, chunk, isRead ? physical : null);
            done += chunk;
        }
    }
}
