using Hyperpatch.Engine.Memory;
using Hyperpatch.Engine.Vendors;
using Iced.Intel;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>
/// Feeds the decoder from a copy of one page's bytes, and where an instruction crosses it, of the next page's first ones. A copy, so that
/// all looks at an instruction see the same, and what was decoded can be compared with memory later, whoever writes meanwhile.
/// </summary>
internal sealed class BlockReader : CodeReader
{
    private const int Chunk = 32;

    // An instruction has at least one byte on the first page.
    private const int MostBehind = CpuVendor.MaximumInstructionLength - 1;
    private readonly byte[] _bytes = new byte[GuestMemory.PageSize + MostBehind];
    private nint _page;
    private nint _nextPage;
    private int _begin;
    private int _copied;
    private int _at;
    private int _highest;

    /// <summary>Offset in the page of the next byte; behind the page when it goes on there.</summary>
    public int Position => _at;

    /// <summary>Whether a byte was asked for that there is none of: behind the page, or behind the longest instruction there.</summary>
    public bool RanOut { get; private set; }

    /// <summary>The bytes of the page that were looked at since <see cref="Begin"/>.</summary>
    public ReadOnlySpan<byte> Seen => _bytes.AsSpan(_begin, Math.Min(Math.Max(_highest, _at), GuestMemory.PageSize) - _begin);

    public void Begin(nint page, int offset, nint nextPage)
    {
        _page = page;
        _begin = _copied = _at = _highest = offset;
        _nextPage = nextPage;
        RanOut = false;
    }

    public void MoveTo(int offset)
    {
        _highest = Math.Max(_highest, _at);
        _at = offset;
        RanOut = false;
    }

    public override int ReadByte()
    {
        int at = _at;
        if (at < _copied)
        {
            _at++;
            return _bytes[at];
        }

        return ReadMore(at);
    }

    private int ReadMore(int at)
    {
        if (at < GuestMemory.PageSize)
        {
            int more = Math.Min(Chunk, GuestMemory.PageSize - _copied);
            HostMemory.Read(_page + _copied, _bytes.AsSpan(_copied, more));
            _copied += more;
            _at++;
            return _bytes[at];
        }

        if (_nextPage == 0 || at >= _bytes.Length)
        {
            RanOut = true;
            return -1;
        }

        HostMemory.Read(_nextPage, _bytes.AsSpan(GuestMemory.PageSize, MostBehind));
        _copied = _bytes.Length;
        _at++;
        return _bytes[at];
    }
}
