using Hyperpatch.Engine.Memory;
using Iced.Intel;

namespace Hyperpatch.Engine.Accelerators.Software;

/// <summary>Feeds the decoder from one page, and where an instruction crosses it, from the next.</summary>
internal sealed class BlockReader : CodeReader
{
    private nint _page;
    private nint _nextPage;
    private int _at;

    /// <summary>Bytes read since <see cref="Begin"/>.</summary>
    public int Position => _at;

    /// <summary>Whether a byte behind the page was asked for while there was none.</summary>
    public bool RanOut { get; private set; }

    public void Begin(nint page, int offset, nint nextPage)
    {
        _page = page;
        _at = offset;
        _nextPage = nextPage;
        RanOut = false;
    }

    public void MoveTo(int offset)
    {
        _at = offset;
        RanOut = false;
    }

    public override int ReadByte()
    {
        int at = _at;
        if (at < GuestMemory.PageSize)
        {
            _at++;
            return HostMemory.Read8(_page + at);
        }

        if (_nextPage == 0)
        {
            RanOut = true;
            return -1;
        }

        _at++;
        return HostMemory.Read8(_nextPage + at - GuestMemory.PageSize);
    }
}
