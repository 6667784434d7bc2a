using Hyperpatch.Engine.Accelerators.Software;
using Hyperpatch.Engine.Memory;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>What is decoded is one copy of memory, of the first page and of what the second may add, whoever writes meanwhile.</summary>
public sealed class BlockReaderTests : IDisposable
{
    private const int PageSize = GuestMemory.PageSize;
    private const int Offset = PageSize - 5;
    private readonly GuestMemory _memory = new(4 * PageSize);
    private readonly BlockReader _reader = new();

    public BlockReaderTests()
    {
        Assert.True(_memory.TryWrite(0, [.. Enumerable.Range(0, 4 * PageSize).Select(i => (byte)i)]));
        _reader.Begin(_memory.FindPage(0, out _), Offset, _memory.FindPage(PageSize, out _));
    }

    [Fact]
    public void Bytes_of_both_pages_stay_what_they_were()
    {
        byte[] first = Read(10);
        Assert.True(_memory.TryWrite(Offset, [.. Enumerable.Repeat((byte)0xEE, 20)]));
        _reader.MoveTo(Offset);
        Assert.Equal(first, Read(10));
    }

    [Fact]
    public void Nothing_is_read_beyond_the_longest_instruction()
    {
        // All that an instruction of 15 bytes can have on the second page, of which the first has one byte at least.
        Assert.Equal(5 + 14, Read(3 * PageSize).Length);
    }

    public void Dispose() => _memory.Dispose();

    private byte[] Read(int most)
    {
        List<byte> bytes = [];
        while (bytes.Count < most && _reader.ReadByte() is int value and >= 0)
        {
            bytes.Add((byte)value);
        }

        return [.. bytes];
    }
}
