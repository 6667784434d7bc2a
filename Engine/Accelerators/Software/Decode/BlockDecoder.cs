using Hyperpatch.Engine.Memory;
using Hyperpatch.Engine.Vendors;
using Iced.Intel;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>Decodes basic blocks. One a processor; allocates the blocks and nothing else.</summary>
internal sealed class BlockDecoder
{
    private const int MostOps = 48;
    private readonly BlockReader _reader = new();
    private readonly Decoder _decoder16;
    private readonly Decoder _decoder32;
    private readonly Decoder _decoder64;
    private readonly Op[] _ops = new Op[MostOps];

    public BlockDecoder(CpuVendor vendor)
    {
        DecoderOptions options = vendor == CpuVendor.Amd ? DecoderOptions.AMD : DecoderOptions.None;
        _decoder16 = Decoder.Create(16, _reader, options);
        _decoder32 = Decoder.Create(32, _reader, options);
        _decoder64 = Decoder.Create(64, _reader, options);
    }

    /// <summary>Whether the block's only instruction goes on behind the page.</summary>
    public bool CrossesPage { get; private set; }

    /// <summary>The bytes of the first page that the block rests on.</summary>
    public ReadOnlySpan<byte> Seen => _reader.Seen;

    /// <summary>Decodes a block.</summary>
    /// <param name="page">Host address of the page.</param>
    /// <param name="offset">Offset of the first byte in it.</param>
    /// <param name="nextPage">Host address of the page behind, or 0 when it is not known yet.</param>
    /// <param name="bits">16, 32 or 64.</param>
    /// <returns>Number of instructions; 0 when the first one needs the next page.</returns>
    public ReadOnlySpan<Op> Decode(nint page, int offset, nint nextPage, int bits)
    {
        Decoder decoder = bits switch { 64 => _decoder64, 32 => _decoder32, _ => _decoder16 };
        _reader.Begin(page, offset, nextPage);
        CrossesPage = false;
        int count = 0;
        int start = 0;
        while (count < MostOps)
        {
            decoder.IP = (ulong)start;
            decoder.Decode(out Instruction instruction);
            int consumed = _reader.Position - offset - start;
            bool behind = _reader.Position > GuestMemory.PageSize;
            if (_reader.RanOut && decoder.LastError == DecoderError.NoMoreBytes)
            {
                CrossesPage = count == 0;
                break;
            }

            if (behind && count > 0)
            {
                break;
            }

            CrossesPage = behind;
            ref Op op = ref _ops[count++];
            op = default;
            op.Start = (ushort)start;
            if (instruction.IsInvalid)
            {
                if (FindHypercall(offset + start, bits, out int length) is CpuVendor form)
                {
                    // With prefixes that processors ignore here and Iced does not.
                    op.Code = form == CpuVendor.Intel ? OpCode.Vmcall : OpCode.Vmmcall;
                    op.Next = (ushort)(start + length);
                    break;
                }

                op.Code = consumed >= CpuVendor.MaximumInstructionLength ? OpCode.TooLong : OpCode.Undefined;
                op.Next = (ushort)(start + 1);
                break;
            }

            start += instruction.Length;
            op.Next = (ushort)start;
            OpBuilder.Build(ref op, instruction, bits);
            if (op.Code == OpCode.X87)
            {
                op.Value |= (long)FindX87Opcode(offset + op.Start) << X87Table.OpcodeShift;
            }

            if ((op.Flags & OpFlags.Ends) != 0 || behind || offset + start >= GuestMemory.PageSize)
            {
                break;
            }

            _reader.MoveTo(offset + start);
        }

        return _ops.AsSpan(0, count);
    }

    // What FNSTENV calls the opcode: three bits of the first byte behind the prefixes, and the second one. No prefix looks like the first.
    private int FindX87Opcode(int at)
    {
        const int First = 0xD8;
        _reader.MoveTo(at);
        int value;
        do
        {
            value = _reader.ReadByte();
        }
        while (value >= 0 && (value & 0xF8) != First);
        return ((value & 7) << 8) | (_reader.ReadByte() & 0xFF);
    }

    private CpuVendor? FindHypercall(int at, int bits, out int length)
    {
        Span<byte> bytes = stackalloc byte[CpuVendor.MaximumInstructionLength];
        _reader.MoveTo(at);
        int count = 0;
        while (count < bytes.Length && _reader.ReadByte() is int value and >= 0)
        {
            bytes[count++] = (byte)value;
        }

        return CpuVendor.FindHypercall(bytes[..count], bits == 64, out length);
    }
}
