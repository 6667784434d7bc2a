using Hyperpatch.Engine.Devices;

namespace Hyperpatch.Engine.Tests.Devices;

public sealed class PortBusTests
{
    [Theory]
    [InlineData(1, "FF")]
    [InlineData(2, "FFFF")]
    [InlineData(4, "FFFFFFFF")]
    public void Ports_without_a_device_read_as_ones(int size, string expected)
    {
        byte[] data = new byte[size];
        new PortBus().Access(0x70, size, isWrite: false, data);
        Assert.Equal(expected, Convert.ToHexString(data));
        new PortBus().Access(0x70, size, isWrite: true, data);
    }

    [Theory]
    [InlineData(0x0FFF, false)]
    [InlineData(0x1000, true)]
    [InlineData(0x1003, true)]
    [InlineData(0x1004, false)]
    [InlineData(0xFFFF, false)]
    [InlineData(0, false)]
    public void Devices_get_their_own_ports(int port, bool isTheirs)
    {
        FakeDevice device = new();
        new PortBus(device).Access((ushort)port, 1, isWrite: true, [7]);
        Assert.Equal(isTheirs ? [(port - 0x1000, 1, 7u)] : [], device.Written);
    }

    [Fact]
    public void Strings_are_taken_element_by_element()
    {
        FakeDevice device = new();
        PortBus bus = new(device);
        bus.Access(0x1001, 2, isWrite: true, [1, 2, 3, 4, 5, 6]);
        Assert.Equal([(1, 2, 0x0201u), (1, 2, 0x0403u), (1, 2, 0x0605u)], device.Written);
        byte[] data = new byte[8];
        bus.Access(0x1001, 4, isWrite: false, data);
        Assert.Equal("D0000000D1000000", Convert.ToHexString(data));
    }

    [Fact]
    public void Half_an_element_and_no_size_are_ignored()
    {
        FakeDevice device = new();
        new PortBus(device).Access(0x1000, 4, isWrite: true, [1, 2, 3]);
        new PortBus(device).Access(0x1000, 0, isWrite: true, [1, 2, 3]);
        Assert.Empty(device.Written);
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(3u)]
    [InlineData(0xFFFF_FFFFu)]
    public void Debug_exit_hands_on_what_is_written(uint value)
    {
        List<uint> seen = [];
        DebugExit device = new(seen.Add);
        new PortBus(device).Access(0xF4, 4, isWrite: true, BitConverter.GetBytes(value));
        Assert.Equal([value], seen);
    }

    private sealed class FakeDevice : IPortDevice
    {
        private uint _next = 0xD0;

        public ushort Base => 0x1000;

        public int Length => 4;

        public List<(int Offset, int Size, uint Value)> Written { get; } = [];

        public uint Read(int offset, int size) => _next++;

        public void Write(int offset, int size, uint value) => Written.Add((offset, size, value));
    }
}
