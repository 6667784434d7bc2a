using Hyperpatch.Engine.Memory;

namespace Hyperpatch.Engine.Tests.Memory;

/// <summary>Guest-physical memory against any address that a guest may come up with.</summary>
public sealed class GuestMemoryTests
{
    [Theory]
    [InlineData(0UL, 8, true)]
    [InlineData(0xFFF8UL, 8, true)]
    [InlineData(0xFFF9UL, 8, false)]
    [InlineData(0x10000UL, 1, false)]
    [InlineData(ulong.MaxValue, 1, false)]
    [InlineData(ulong.MaxValue - 3, 8, false)]
    [InlineData(0xE000_0000UL, 8, false)]
    public void Writes_are_all_or_nothing(ulong address, int length, bool fits)
    {
        using GuestMemory memory = new(0x10000);
        memory.AddRom(0xE000_0000, [1, 2, 3, 4]);
        byte[] source = [.. Enumerable.Repeat((byte)0xAA, length)];
        Assert.Equal(fits, memory.TryWrite(address, source));
        byte[] all = new byte[0x10000];
        Assert.True(memory.TryRead(0, all));
        Assert.Equal(fits ? length : 0, all.Count(value => value == 0xAA));
    }

    [Fact]
    public void Rom_is_read_and_never_written()
    {
        using GuestMemory memory = new(0x10000);
        memory.AddRom(0xE000_0000, [1, 2, 3, 4]);
        byte[] bytes = new byte[6];
        Assert.True(memory.TryRead(0xE000_0000, bytes));
        Assert.Equal([1, 2, 3, 4, 0, 0], bytes);
        Assert.False(memory.TryCompareExchange(0xE000_0001, 2, 9, out _));
        Assert.False(memory.IsRam(0xE000_0000));
        Assert.True(memory.IsRam(0xFFFF));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.AddRom(0xE000_0000, [1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.AddRom(0x8000, [1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.AddRom(0xD000_0001, [1]));
    }

    [Fact]
    public void Compare_exchange_changes_one_byte_and_only_if_it_is_as_expected()
    {
        using GuestMemory memory = new(0x10000);
        Assert.True(memory.TryWrite(0x100, [1, 2, 3]));
        Assert.True(memory.TryCompareExchange(0x101, 7, 9, out byte observed));
        Assert.Equal(2, observed);
        Assert.True(memory.TryCompareExchange(0x101, 2, 9, out observed));
        Assert.Equal(2, observed);
        byte[] bytes = new byte[3];
        Assert.True(memory.TryRead(0x100, bytes));
        Assert.Equal([1, 9, 3], bytes);
        Assert.False(memory.TryCompareExchange(0x10000, 0, 1, out _));
    }

    [Fact]
    public void Ram_beyond_3_GiB_goes_on_at_4_GiB()
    {
        // Mapped lazily: nothing of it is used but two pages.
        using GuestMemory memory = new(0xC000_0000 + 0x10000);
        Assert.True(memory.TryWrite(0xBFFF_FFFF, [1]));
        Assert.False(memory.TryWrite(0xC000_0000, [1]));
        Assert.True(memory.TryWrite(0x1_0000_0000, [2]));
        Assert.True(memory.TryWrite(0x1_0000_FFFF, [3]));
        Assert.False(memory.TryWrite(0x1_0001_0000, [4]));
        Assert.False(memory.TryWrite(0xBFFF_FFFF, [1, 2]));
    }

    [Fact]
    public void Clear_zeroes_ram_and_leaves_rom()
    {
        using GuestMemory memory = new(0x10000);
        memory.AddRom(0xE000_0000, [5]);
        Assert.True(memory.TryWrite(0x123, [1]));
        memory.Clear();
        byte[] one = new byte[1];
        Assert.True(memory.TryRead(0x123, one));
        Assert.Equal(0, one[0]);
        Assert.True(memory.TryRead(0xE000_0000, one));
        Assert.Equal(5, one[0]);
    }

    [Theory]
    [InlineData(0UL)]
    [InlineData(4095UL)]
    public void Sizes_are_whole_pages(ulong bytes) => Assert.Throws<ArgumentOutOfRangeException>(() => new GuestMemory(bytes));
}
