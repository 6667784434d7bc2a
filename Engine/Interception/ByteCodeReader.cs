using Iced.Intel;

namespace Hyperpatch.Engine.Interception;

/// <summary>Feeds the decoder from one small buffer that is used again for every instruction.</summary>
internal sealed class ByteCodeReader : CodeReader
{
    private int _position;
    private int _length;

    /// <summary>The bytes; at most the architecture's 15 are filled in.</summary>
    public byte[] Buffer { get; } = new byte[16];

    /// <summary>Starts at the first byte again.</summary>
    /// <param name="length">Bytes that are valid.</param>
    public void Reset(int length)
    {
        _position = 0;
        _length = length;
    }

    public override int ReadByte() => _position < _length ? Buffer[_position++] : -1;
}
