using Hyperpatch.Engine.Guests;
using Hyperpatch.Engine.Guests.Images;
using Hyperpatch.Engine.Interception;
using Hyperpatch.Engine.Tests.Support;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Interception;

/// <summary>Sites in ROM, which no policy can patch.</summary>
public sealed class RomTests
{
    private const ulong Rom = 0xE000_0000;

    public static MatrixTheoryData<Backend, PatchPolicy> Policies => Backends.With(Enum.GetValues<PatchPolicy>());

    [Theory, MemberData(nameof(Policies))]
    public void Wrong_form_in_ROM(Backend backend, PatchPolicy policy)
    {
        byte[] code = [0x0F, 0x01, 0xD9, 0xC3];
        ulong results = 0;
        using TestMachine machine = TestMachine.Run(
            backend,
            b =>
            {
                results = b.Reserve(16);
                b.ExpectException("end");
                b.CallAt(Rom);
                b.StoreRax(results);
                b.CallAt(Rom);
                b.StoreRax(results + 8);
                b.Define("end");
                b.Exit(0);
            },
            policy: policy,
            rom: new GuestSegment(Rom, code));
        (InterceptionOutcome outcome, int times) = policy switch
        {
            PatchPolicy.Force => (InterceptionOutcome.EmulatedReadOnly, 2),
            PatchPolicy.Emulate => (InterceptionOutcome.Emulated, 2),
            PatchPolicy.Faithful => (InterceptionOutcome.LoopGuard, 1),
            _ => (InterceptionOutcome.Injected, 1),
        };
        Assert.Equal(Enumerable.Repeat(outcome, times), machine.OutcomesAt(Rom));
        ExceptionRecord exception = machine.Exception();
        if (times == 2)
        {
            Assert.Equal(0u, exception.Count);
            Assert.Equal([GuestCode.NoSuchCall, GuestCode.NoSuchCall], machine.Words(results, 2));
            Assert.Equal((2, 0), (machine.Site(Rom).Calls, machine.Site(Rom).Patches));
            // Like attempts share one line.
            Assert.Equal(2, Assert.Single(machine.Site(Rom).History).Count);
        }
        else
        {
            Assert.Equal((6u, 1u, Rom), (exception.Vector, exception.Count, exception.Rip));
        }

        byte[] bytes = new byte[4];
        Assert.True(machine.Machine.TryReadMemory(Rom, bytes));
        Assert.Equal(code, bytes);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Own_form_in_ROM_is_served(Backend backend)
    {
        ulong result = 0;
        using TestMachine machine = TestMachine.Run(
            backend,
            b =>
            {
                result = b.Reserve(8);
                b.CallAt(Rom + 0xFFE);
                b.StoreRax(result);
                b.Exit(0);
            },
            rom: new GuestSegment(Rom, (byte[])[.. new byte[0xFFE], 0x0F, 0x01, 0xC1, 0xC3]));
        Assert.Equal(GuestCode.NoSuchCall, machine.Word(result));
        Assert.Equal([InterceptionOutcome.Served], machine.OutcomesAt(Rom + 0xFFE));
    }
}
