using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Guests;
using Hyperpatch.Engine.Guests.Images;
using Hyperpatch.Engine.Hypercalls;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Memory;
using Hyperpatch.Engine.Tests.Support;
using Hyperpatch.Engine.Vendors;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Interception;

/// <summary>No guest makes the host spin: a site that is undone again and again ends as #UD, and says so.</summary>
public sealed class LoopGuardTests
{
    private const ulong Site = LongModeLayout.Text + 0x20000;

    [Fact]
    public void Same_UD_without_progress_ends_after_a_fixed_number()
    {
        using GuestMemory memory = new(0x10000);
        FakeProcessor processor = new() { Rip = 0x2000 };
        HypercallInterceptor interceptor = new(memory, new HypercallSiteTable(), new NoHost(memory));
        List<InterceptionOutcome> outcomes = [];
        for (long exit = 0; exit < 100 && processor.Undefined == 0; exit++)
        {
            // Something puts the wrong form back before the processor gets to execute the repaired one.
            Assert.True(memory.TryWrite(0x2000, [0x0F, 0x01, 0xD9]));
            outcomes.Add(Handle(interceptor, processor, exit).Outcome);
        }

        Assert.Equal(1, processor.Undefined);
        Assert.Equal(InterceptionOutcome.LoopGuard, outcomes[^1]);
        Assert.All(outcomes[..^1], outcome => Assert.Equal(InterceptionOutcome.Patched, outcome));
        Assert.Equal(HypercallInterceptor.LoopLimit + 1, outcomes.Count);
    }

    [Theory]
    [InlineData("another site between")]
    [InlineData("another exit between")]
    [InlineData("other bytes")]
    public void Progress_starts_the_count_again(string progress)
    {
        using GuestMemory memory = new(0x10000);
        FakeProcessor processor = new();
        HypercallInterceptor interceptor = new(memory, new HypercallSiteTable(), new NoHost(memory));
        long exit = 0;
        for (int i = 0; i < 10 * HypercallInterceptor.LoopLimit; i++)
        {
            processor.Rip = progress == "another site between" && i % 2 == 1 ? 0x3000UL : 0x2000UL;
            byte[] instruction = progress == "other bytes" && i % 2 == 1 ? [0x2E, 0x0F, 0x01, 0xD9] : [0x0F, 0x01, 0xD9];
            Assert.True(memory.TryWrite(processor.Rip, instruction));
            Assert.Equal(InterceptionOutcome.Patched, Handle(interceptor, processor, exit).Outcome);
            exit += progress == "another exit between" ? 2 : 1;
        }

        Assert.Equal(0, processor.Undefined);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Processor_that_keeps_rewriting_a_site_stops_nobody(Backend backend)
    {
        // Processor 1 writes the wrong form for as long as processor 0 calls. Every call is served once, or is a #UD that the guest
        // counts; nothing else happens.
        const int Calls = 300;
        ulong served = 0, refused = 0, done = 0;
        using TestMachine machine = TestMachine.Run(
            backend,
            b =>
            {
                Assembler c = b.Code;
                served = b.Reserve(8);
                refused = b.Reserve(8);
                done = b.Reserve(8);
                Label other = c.CreateLabel(), again = c.CreateLabel(), next = c.CreateLabel();
                c.test(edi, edi);
                c.jne(other);
                c.mov(r12d, Calls);
                c.Label(ref again);
                c.mov(eax, 0x1234);
                c.call(b.Symbol("site"));
                c.cmp(rax, -1000);
                c.jne(next);
                c.inc(__qword_ptr[served]);
                c.Label(ref next);
                c.dec(r12d);
                c.jne(again);
                c.mov(__qword_ptr[done], 1);
                b.Exit(0);

                Label write = c.CreateLabel();
                c.Label(ref other);
                c.zero_bytes();
                c.Label(ref write);
                c.mov(__byte_ptr[Site + 2], 0xD9);
                c.cmp(__qword_ptr[done], 0);
                c.je(write);
                b.Halt();

                b.At(Site);
                b.Define("site");
                b.Hypercall(GuestVendor.Amd);
                c.ret();
                b.BackToText();
                b.Handle(Vectors.InvalidOpcode, "undefined");
                b.Define("undefined");
                c.inc(__qword_ptr[refused]);
                c.add(__qword_ptr[rsp], 3);
                c.iretq();
            },
            image: new LongModeOptions { Processors = 2 });
        Assert.Equal((ulong)Calls, machine.Word(served) + machine.Word(refused));
        Assert.Equal((long)machine.Word(served), machine.Site("site").Calls);
        Assert.Equal((long)machine.Word(refused), machine.Count(InterceptionOutcome.LoopGuard));
    }

    private static ExitRecord Handle(HypercallInterceptor interceptor, FakeProcessor processor, long exit)
    {
        ExitRecord record = default;
        _ = interceptor.Handle(
            processor, new MachineContext(CpuVendor.Intel, 0, new NoPartition(), InterceptionLevel.Trap, 0), PatchPolicy.Force, exit, ref record);
        return record;
    }

    // 64-bit code without paging: the address is the address.
    private sealed class FakeProcessor : IProcessor
    {
        private GuestRegisters _registers;

        public ulong Rip
        {
            get => _registers.Rip;
            set => _registers.Rip = value;
        }

        public int Undefined { get; private set; }

        public int Index => 0;

        public ref GuestRegisters Registers => ref _registers;

        public Span<byte> ExitData => [];

        public ulong CodeBase => 0;

        public int CodeBits => 64;

        public int Cpl => 0;

        public string FailureText => string.Empty;

        public void InjectInvalidOpcode() => Undefined++;

        public void InjectPageFault(PageFault fault) => Assert.Fail("no #PF");

        public void InjectGeneralProtection() => Assert.Fail("no #GP");

        public void CompleteInstruction(int length) => Assert.Fail("not served");

        public void GetPaging(out PagingState state) => state = default;

        public void RegistersChanged()
        {
        }

        public void BindToCurrentThread() => throw new NotSupportedException();

        public void Start(ProcessorStart start) => throw new NotSupportedException();

        public void Run(ref VmExit exit) => throw new NotSupportedException();

        public bool CompletePending(ref VmExit exit) => throw new NotSupportedException();

        public void Kick() => throw new NotSupportedException();

        public void ClearKick() => throw new NotSupportedException();

        public void GetSystemRegisters(out SystemRegisters registers) => throw new NotSupportedException();

        public ProcessorActivity GetActivity() => throw new NotSupportedException();

        public ulong ReadTimestampCounter() => throw new NotSupportedException();

        public ProcessorState Save() => throw new NotSupportedException();

        public void Restore(ProcessorState state) => throw new NotSupportedException();

        public void Dispose()
        {
        }
    }

    private sealed class NoPartition : IPartition
    {
        public long? KernelHypercalls => null;

        public IProcessor CreateProcessor(int index) => throw new NotSupportedException();

        public bool DeliverInterrupt(uint apicId, byte vector, int deliveryMode) => throw new NotSupportedException();

        public void WakeFromHalt(uint apicId) => throw new NotSupportedException();

        public void Dispose()
        {
        }
    }

    private sealed class NoHost(GuestMemory memory) : IHypercallHost
    {
        public GuestMemory Memory => memory;

        public int ProcessorCount => 1;

        public bool OffersMapGpaRange => false;

        public void WakeFromHalt(uint apicId) => throw new NotSupportedException();

        public bool DeliverInterrupt(uint apicId, byte vector, int deliveryMode) => throw new NotSupportedException();

        public ulong ReadTimestampCounter() => throw new NotSupportedException();

        public TimeSpan ReadWallClock() => throw new NotSupportedException();

        public void Yield() => throw new NotSupportedException();
    }
}
