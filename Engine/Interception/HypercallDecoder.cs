using Hyperpatch.Engine.Vendors;
using Iced.Intel;

namespace Hyperpatch.Engine.Interception;

/// <summary>
/// Tells whether an instruction is a hypercall: VMCALL or VMMCALL without LOCK, F2 or F3, which mean other things. One a
/// processor; allocates nothing after its construction.
/// </summary>
internal sealed class HypercallDecoder
{
    /// <summary>Longest instruction of the architecture in bytes.</summary>
    public const int MaximumLength = 15;

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
    public Span<byte> Buffer => _reader.Buffer.AsSpan(0, MaximumLength);

    /// <summary>Whose hypercall the instruction is; null when it is none.</summary>
    public CpuVendor? Form { get; private set; }

    /// <summary>Its length, prefixes included; 0 when it is invalid or unfinished.</summary>
    public int Length { get; private set; }

    /// <summary>Whether it goes on behind the bytes that were fetched.</summary>
    public bool NeedsMoreBytes { get; private set; }

    /// <summary>Decodes what is in <see cref="Buffer"/>.</summary>
    /// <param name="available">Bytes fetched.</param>
    /// <param name="bits">Width of the code: 16, 32 or 64.</param>
    public void Decode(int available, int bits)
    {
        ReadOnlySpan<byte> bytes = _reader.Buffer;
        NeedsMoreBytes = false;
        // The bare form is the same in every mode, and what nearly every guest has.
        if (available >= CpuVendor.HypercallLength && bytes[0] == 0x0F && bytes[1] == 0x01
            && CpuVendor.FromHypercallOpcode(bytes[2]) is CpuVendor bare)
        {
            Form = bare;
            Length = CpuVendor.HypercallLength;
            return;
        }

        _reader.Reset(available);
        Decoder decoder = bits switch { 64 => _decoder64, 32 => _decoder32, _ => _decoder16 };
        decoder.Decode(out Instruction instruction);
        Length = instruction.IsInvalid ? 0 : instruction.Length;
        NeedsMoreBytes = decoder.LastError == DecoderError.NoMoreBytes && available < MaximumLength;
        bool isPlain = !instruction.HasLockPrefix && !instruction.HasRepPrefix && !instruction.HasRepnePrefix;
        Form = instruction.Code switch
        {
            Code.Vmcall when isPlain => CpuVendor.Intel,
            Code.Vmmcall when isPlain => CpuVendor.Amd,
            _ => null,
        };
    }
}
