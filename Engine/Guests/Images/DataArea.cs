using System.Text;

namespace Hyperpatch.Engine.Guests.Images;

/// <summary>A run of guest memory that is handed out piece by piece and filled with content.</summary>
internal sealed class DataArea(ulong start, ulong end)
{
    private readonly Dictionary<string, ulong> _strings = new(StringComparer.Ordinal);
    private byte[] _bytes = new byte[256];
    private int _length;

    /// <summary>Takes zeroed room.</summary>
    /// <param name="size">Bytes.</param>
    /// <param name="alignment">Power of two.</param>
    /// <returns>Its address.</returns>
    public ulong Reserve(int size, int alignment = 8)
    {
        int at = (_length + alignment - 1) & -alignment;
        if (start + (ulong)at + (ulong)size > end)
        {
            throw new InvalidOperationException("No room is left for data.");
        }

        _length = at + size;
        if (_length > _bytes.Length)
        {
            Array.Resize(ref _bytes, Math.Max(_length, _bytes.Length * 2));
        }

        return start + (ulong)at;
    }

    /// <summary>Takes room with content.</summary>
    /// <param name="content">The content.</param>
    /// <param name="alignment">Power of two.</param>
    /// <returns>Its address.</returns>
    public ulong Add(ReadOnlySpan<byte> content, int alignment = 8)
    {
        ulong address = Reserve(content.Length, alignment);
        content.CopyTo(At(address, content.Length));
        return address;
    }

    /// <summary>Takes room for a text with a zero byte behind it; the same text twice shares it.</summary>
    /// <param name="text">ASCII.</param>
    /// <returns>Its address.</returns>
    public ulong AddText(string text)
    {
        if (!_strings.TryGetValue(text, out ulong address))
        {
            address = Add(Encoding.ASCII.GetBytes(text + '\0'), 1);
            _strings.Add(text, address);
        }

        return address;
    }

    /// <summary>The content at an address, for filling in.</summary>
    /// <param name="address">Address of a piece.</param>
    /// <param name="length">Bytes.</param>
    public Span<byte> At(ulong address, int length) => _bytes.AsSpan((int)(address - start), length);

    /// <summary>The area as part of an image.</summary>
    public GuestSegment ToSegment() => new(start, _bytes.AsMemory(0, _length));
}
