using System.Buffers.Binary;
using Hyperpatch.Engine.Hypercalls;
using Hyperpatch.Engine.Memory;

namespace Hyperpatch.Engine.Tests.Hypercalls;

/// <summary>The ABI without a guest: every number, every width, every privilege level.</summary>
public sealed class HypercallDispatcherTests
{
    private const long Eperm = -1;
    private const long Efault = -14;
    private const long Einval = -22;
    private const long Eopnotsupp = -95;
    private const long Enosys = -1000;
    private const ulong Ram = 0x4000;

    // Name, number, arguments, result.
    public static TheoryData<string, ulong, ulong, ulong, ulong, ulong, long> Calls => new()
    {
        { "none", 0, 0, 0, 0, 0, Enosys },
        { "VAPIC_POLL_IRQ", 1, 9, 9, 9, 9, 0 },
        { "MMU_OP", 2, 0, 0, 0, 0, Enosys },
        { "FEATURES", 3, 0, 0, 0, 0, Enosys },
        { "PPC_MAP_MAGIC_PAGE", 4, 0, 0, 0, 0, Enosys },
        { "KICK_CPU", 5, 0, 1, 0, 0, 0 },
        { "KICK_CPU, unknown id", 5, 0, 200, 0, 0, 0 },
        { "KICK_CPU, wild id", 5, 0, ulong.MaxValue, 0, 0, 0 },
        { "MIPS_GET_CLOCK_FREQ", 6, 0, 0, 0, 0, Enosys },
        { "MIPS_EXIT_VM", 7, 0, 0, 0, 0, Enosys },
        { "MIPS_CONSOLE_OUTPUT", 8, 0, 0, 0, 0, Enosys },
        { "CLOCK_PAIRING", 9, 0x1000, 0, 0, 0, 0 },
        { "CLOCK_PAIRING, last room", 9, Ram - 64, 0, 0, 0, 0 },
        { "CLOCK_PAIRING, half outside", 9, Ram - 63, 0, 0, 0, Efault },
        { "CLOCK_PAIRING, outside", 9, Ram, 0, 0, 0, Efault },
        { "CLOCK_PAIRING, wild", 9, ulong.MaxValue - 15, 0, 0, 0, Efault },
        { "CLOCK_PAIRING, type 1", 9, 0x1000, 1, 0, 0, Eopnotsupp },
        { "CLOCK_PAIRING, wild type", 9, 0x1000, 1UL << 32, 0, 0, Eopnotsupp },
        { "SEND_IPI, nobody", 10, 0, 0, 0, 0x40, 0 },
        { "SEND_IPI, two", 10, 0b101, 0, 1, 0x40, 2 },
        { "SEND_IPI, all of the low half", 10, ulong.MaxValue, 0, 0, 0x40, 64 },
        { "SEND_IPI, high half", 10, 0, 0b11, 0, 0x40, 2 },
        { "SEND_IPI, both halves, end of the processors", 10, ulong.MaxValue, ulong.MaxValue, 0, 0x40, 100 },
        { "SEND_IPI, from 99", 10, 0b11, 0, 99, 0x40, 1 },
        { "SEND_IPI, from far away", 10, 0b11, 0b11, 0xFFFF_FFFF, 0x40, 0 },
        { "SEND_IPI, NMI", 10, 1, 0, 0, 0x400, 1 },
        { "SEND_IPI, logical destination", 10, 1, 0, 0, 0x840, Einval },
        { "SEND_IPI, shorthand self", 10, 1, 0, 0, 0x4_0040, Einval },
        { "SEND_IPI, shorthand all", 10, 1, 0, 0, 0x8_0040, Einval },
        { "SCHED_YIELD", 11, 1, 0, 0, 0, 0 },
        { "SCHED_YIELD, unknown id", 11, 1000, 0, 0, 0, 0 },
        { "MAP_GPA_RANGE", 12, 0x1000, 4, 0, 0, 0 },
        { "MAP_GPA_RANGE, unaligned", 12, 0x1001, 4, 0, 0, Einval },
        { "MAP_GPA_RANGE, no pages", 12, 0x1000, 0, 0, 0, Einval },
        { "MAP_GPA_RANGE, wraps", 12, 0x1000, ulong.MaxValue, 0, 0, Einval },
        { "MAP_GPA_RANGE, wraps by one page", 12, ulong.MaxValue - 0xFFF, 2, 0, 0, Einval },
        { "13", 13, 0, 0, 0, 0, Enosys },
        { "0x1234", 0x1234, 0, 0, 0, 0, Enosys },
        { "-1", ulong.MaxValue, 0, 0, 0, 0, Enosys },
        { "1 in the low half only", 0x1_0000_0001, 0, 0, 0, 0, Enosys },
    };

    [Theory, MemberData(nameof(Calls))]
    public void Result_at_CPL_0(string name, ulong number, ulong a0, ulong a1, ulong a2, ulong a3, long result)
    {
        using FakeHost host = new();
        Assert.True((ulong)result == Call(host, number, a0, a1, a2, a3).Result, name);
    }

    [Theory, MemberData(nameof(Calls))]
    public void Nothing_is_permitted_at_other_levels(string name, ulong number, ulong a0, ulong a1, ulong a2, ulong a3, long result)
    {
        _ = result;
        using FakeHost host = new();
        for (int cpl = 1; cpl <= 3; cpl++)
        {
            Assert.True(unchecked((ulong)Eperm) == Call(host, number, a0, a1, a2, a3, cpl).Result, name);
            Assert.Equal(0xFFFF_FFFF, Call(host, number, a0, a1, a2, a3, cpl, is64Bit: false).Result);
        }

        Assert.Empty(host.Interrupts);
        Assert.Empty(host.Woken);
        byte[] ram = new byte[Ram];
        Assert.True(host.Memory.TryRead(0, ram));
        Assert.DoesNotContain(ram, value => value != 0);
    }

    [Fact]
    public void Code_that_is_not_64_bit_has_all_values_cut()
    {
        const ulong Garbage = 0xABCD_0000_0000_0000;
        using FakeHost host = new();
        HypercallCall call = Call(
            host, Garbage | 10, Garbage | 0b1, Garbage | 0b10, Garbage | 1, Garbage | 0x55, cpl: 0, is64Bit: false);
        Assert.Equal((10UL, 1UL, 2UL, 1UL, 0x55UL), (call.Number, call.Argument0, call.Argument1, call.Argument2, call.Argument3));
        // Halves of 32 ids each: 1, and 1 + 32 + 1.
        Assert.Equal([(1u, (byte)0x55, 0), (34u, (byte)0x55, 0)], host.Interrupts);
        Assert.Equal(2UL, call.Result);
        Assert.Equal(0xFFFF_FC18UL, Call(host, Garbage | 2, 0, 0, 0, 0, 0, is64Bit: false).Result);
    }

    [Fact]
    public void Send_IPI_delivers_vector_and_mode_to_each_processor_once()
    {
        using FakeHost host = new();
        Assert.Equal(3UL, Call(host, 10, 0b1001, 0b1, 2, 0x461).Result);
        Assert.Equal([(2u, (byte)0x61, 4), (5u, (byte)0x61, 4), (66u, (byte)0x61, 4)], host.Interrupts);
    }

    [Fact]
    public void Send_IPI_counts_only_those_that_took_it()
    {
        using FakeHost host = new() { Refuses = id => id == 3 };
        Assert.Equal(2UL, Call(host, 10, 0b1110, 0, 0, 0x40).Result);
    }

    [Fact]
    public void Kick_wakes_the_one_that_is_named()
    {
        using FakeHost host = new();
        _ = Call(host, 5, 0, 7, 0, 0);
        _ = Call(host, 5, 0, 100, 0, 0);
        Assert.Equal([7u], host.Woken);
    }

    [Fact]
    public void Map_GPA_range_is_unknown_where_it_is_not_offered()
    {
        using FakeHost host = new() { OffersMapGpaRange = false };
        Assert.Equal(unchecked((ulong)Enosys), Call(host, 12, 0x1000, 1, 0, 0).Result);
        Assert.Equal(unchecked((ulong)Enosys), Call(host, 12, 1, 0, 0, 0).Result);
    }

    [Fact]
    public void Clock_pairing_fills_the_structure()
    {
        using FakeHost host = new();
        Assert.True(host.Memory.TryWrite(0x2000, Enumerable.Repeat((byte)0xEE, 80).ToArray()));
        DateTime before = DateTime.UtcNow;
        Assert.Equal(0UL, Call(host, 9, 0x2008, 0, 0, 0).Result);
        DateTime after = DateTime.UtcNow;
        byte[] bytes = new byte[80];
        Assert.True(host.Memory.TryRead(0x2000, bytes));
        long seconds = BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(8));
        long nanoseconds = BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(16));
        Assert.InRange(nanoseconds, 0, 999_999_999);
        Assert.InRange(DateTime.UnixEpoch.AddSeconds(seconds).AddTicks(nanoseconds / 100), before, after);
        Assert.Equal(FakeHost.Tsc, BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(24)));
        // Flags and padding are zero, and nothing else is touched.
        Assert.All(bytes[32..72], value => Assert.Equal(0, value));
        Assert.All(bytes[..8].Concat(bytes[72..]), value => Assert.Equal(0xEE, value));
    }

    private static HypercallCall Call(
        FakeHost host, ulong number, ulong a0, ulong a1, ulong a2, ulong a3, int cpl = 0, bool is64Bit = true)
    {
        HypercallCall call = new()
        {
            Number = number,
            Argument0 = a0,
            Argument1 = a1,
            Argument2 = a2,
            Argument3 = a3,
            Is64Bit = is64Bit,
            Result = 0xBAD,
        };
        HypercallDispatcher.Dispatch(host, ref call, cpl);
        return call;
    }

    private sealed class FakeHost : IHypercallHost, IDisposable
    {
        public const ulong Tsc = 0x1234_5678_9ABC;

        public GuestMemory Memory { get; } = new(Ram);

        public int ProcessorCount => 100;

        public bool OffersMapGpaRange { get; init; } = true;

        public Func<uint, bool> Refuses { get; init; } = _ => false;

        public List<uint> Woken { get; } = [];

        public List<(uint ApicId, byte Vector, int Mode)> Interrupts { get; } = [];

        public void WakeFromHalt(uint apicId) => Woken.Add(apicId);

        public bool DeliverInterrupt(uint apicId, byte vector, int deliveryMode)
        {
            Interrupts.Add((apicId, vector, deliveryMode));
            return !Refuses(apicId);
        }

        public ulong ReadTimestampCounter() => Tsc;

        public TimeSpan ReadWallClock() => DateTime.UtcNow - DateTime.UnixEpoch;

        public int Yields { get; private set; }

        public void Yield() => Yields++;

        public void Dispose() => Memory.Dispose();
    }
}
