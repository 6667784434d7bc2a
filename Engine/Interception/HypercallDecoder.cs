using Hyperpatch.Engine.Vendors;
using Iced.Intel;

namespace Hyperpatch.Engine.Interception;

/// <summary>
/// Tells whether an instruction is a hypercall, and else how long it is and whether all of it was fetched. One a processor; allocates
/// nothing after its construction.
/// </summary>
internal sealed class HypercallDecoder
{
    private readonly ByteCodeReader _reader = new();
    private readonly Decoder _decoder16;
    private readonly Decoder _decoder32;
    private readonly Decoder _decoder64;

    public HypercallDecoder()
    {
        _decoder16 = Decoder.Create(16, _reader);
        _decoder32 = Decoder.Create(32, _reader);
        _decoder64 = Decoder.Create(64, _reader);
    }

    /// <summary>Where to put the fetched bytes.</summary>
    public Span<byte> Buffer => _reader.Buffer.AsSpan(0, CpuVendor.MaximumInstructionLength);

    /// <summary>Whose hypercall the instruction is; null when it is none.</summary>
    public CpuVendor? Form { get; private set; }

    /// <summary>Its length, prefixes included; 0 when it is invalid or unfinished.</summary>
    public int Length { get; private set; }

    /// <summary>Which instruction it is when it is no hypercall; INVALID when it is none at all.</summary>
    public Mnemonic Mnemonic { get; private set; }

    /// <summary>Whether it goes on behind the bytes that were fetched.</summary>
    public bool NeedsMoreBytes { get; private set; }

    /// <summary>Decodes what is in <see cref="Buffer"/>.</summary>
    /// <param name="available">Bytes fetched.</param>
    /// <param name="bits">Width of the code: 16, 32 or 64.</param>
    public void Decode(int available, int bits)
    {
        NeedsMoreBytes = false;
        Form = CpuVendor.FindHypercall(Buffer[..available], bits == 64, out int length);
        if (Form is not null)
        {
            Length = length;
            return;
        }

        _reader.Reset(available);
        Decoder decoder = bits switch { 64 => _decoder64, 32 => _decoder32, _ => _decoder16 };
        decoder.Decode(out Instruction instruction);
        Length = instruction.IsInvalid ? 0 : instruction.Length;
        Mnemonic = instruction.Mnemonic;
        NeedsMoreBytes = decoder.LastError == DecoderError.NoMoreBytes && available < CpuVendor.MaximumInstructionLength;
    }
}
