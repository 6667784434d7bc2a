using Hyperpatch.Engine.Guests.Images;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Machine;

/// <summary>Code that is changed while it is in use: by itself, by the host and by other processors (Intel SDM vol. 3, 9.1.3 and 13.6).</summary>
[Collection(StressCollection.Name)]
public sealed class SelfModifyingCodeTests
{
    private const ulong Page = LongModeLayout.Text + 0x20000;
    private const ulong Function = Page + 0x100;
    private const ulong Neighbour = Page + 0x140;
    private const ulong Crossing = Page + 0x1000 - 3;
    private const ulong Alias = 0x7000_0000_0000;

    // mov eax, imm32; ret
    private const int ImmediateAt = 1;

    private static readonly Dictionary<string, (Action<LongModeImageBuilder> Emit, ulong Expected)> s_kinds = new()
    {
        ["never run before"] = (b =>
        {
            b.Code.mov(__byte_ptr[Page + 8], 5);
            b.Code.nop();
            b.CallAt(Page);
        }, 5),
        ["of the same block"] = (b => b.CallAt(Page + 0x200), 6),
        ["called before"] = (b =>
        {
            b.CallAt(Function);
            b.Code.mov(__byte_ptr[Function + ImmediateAt], 7);
            b.CallAt(Function);
        }, 7),
        ["a neighbour stays"] = (b =>
        {
            b.CallAt(Function);
            b.CallAt(Neighbour);
            b.Code.mov(__byte_ptr[Function + ImmediateAt], 7);
            b.CallAt(Neighbour);
            b.Code.mov(ebx, eax);
            b.CallAt(Function);
            b.Code.shl(ebx, 8);
            b.Code.or(eax, ebx);
        }, 0x207),
        ["on the second page"] = (b =>
        {
            b.CallAt(Crossing);
            b.Code.mov(__dword_ptr[Crossing + ImmediateAt], 0x12345678);
            b.CallAt(Crossing);
        }, 0x12345678),
        ["by a string instruction"] = (b =>
        {
            b.CallAt(Function);
            b.Code.mov(rdi, Function);
            b.Code.mov(rsi, Neighbour);
            b.Code.mov(ecx, 6);
            b.Code.cld();
            b.Code.rep.movsb();
            b.CallAt(Function);
        }, 2),
        ["by an atomic instruction"] = (b =>
        {
            b.CallAt(Function);
            b.Code.mov(ebx, 8);
            b.Code.xchg(__dword_ptr[Function + ImmediateAt], ebx);
            b.CallAt(Function);
            b.Code.mov(ecx, eax);
            b.Code.@lock.add(__dword_ptr[Function + ImmediateAt], ecx);
            b.CallAt(Function);
        }, 16),
        ["through another address"] = (b =>
        {
            b.CallAt(Function);
            b.Code.mov(rdi, Alias + (Function & 0xFFF) + ImmediateAt);
            b.Code.mov(__byte_ptr[rdi], 9);
            b.Code.xor(eax, eax);
            b.Code.cpuid();
            b.CallAt(Function);
        }, 9),
        ["back and forth"] = (b =>
        {
            Label again = b.Code.CreateLabel();
            b.Code.mov(r14d, 500);
            b.Code.xor(r15d, r15d);
            b.Code.Label(ref again);
            b.Code.mov(__byte_ptr[Function + ImmediateAt], 3);
            b.CallAt(Function);
            b.Code.add(r15d, eax);
            b.Code.mov(__byte_ptr[Function + ImmediateAt], 4);
            b.CallAt(Function);
            b.Code.add(r15d, eax);
            b.Code.dec(r14d);
            b.Code.jne(again);
            b.Code.mov(eax, r15d);
        }, 3500),
        ["data beside code"] = (b =>
        {
            Label again = b.Code.CreateLabel();
            b.Code.mov(r14d, 500);
            b.Code.Label(ref again);
            b.CallAt(Function);
            b.Code.add(__dword_ptr[Page + 0x800], eax);
            b.Code.dec(r14d);
            b.Code.jne(again);
            b.Code.mov(eax, __dword_ptr[Page + 0x800]);
        }, 500),
    };

    public static MatrixTheoryData<Backend, string> Kinds => Backends.With(s_kinds.Keys.ToArray());

    [Theory, MemberData(nameof(Kinds))]
    public void Changed_code_runs_as_it_was_changed(Backend backend, string kind)
    {
        ulong result = 0;
        using TestMachine machine = TestMachine.Run(backend, b =>
        {
            result = b.Reserve(8);
            s_kinds[kind].Emit(b);
            b.StoreRax(result);
            b.Exit(0);
            EmitFunctions(b);
        });
        Assert.Equal(s_kinds[kind].Expected, machine.Word(result));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Code_that_the_host_changes_runs_as_changed(Backend backend)
    {
        using TestMachine machine = TestMachine.Create(backend, b =>
        {
            Assembler c = b.Code;
            Label again = c.CreateLabel();
            c.Label(ref again);
            b.CallAt(Function);
            c.@out(0x80, al);
            c.cmp(eax, 7);
            c.jne(again);
            b.Exit(0);
            EmitFunctions(b);
        });
        machine.Machine.Run();
        machine.WaitUntil(() => machine.Machine.Journal.Count > 100, "it called the function");
        Assert.True(machine.Machine.Memory.TryWrite(machine.Image.Physical(Function + ImmediateAt), [7]));
        _ = machine.WaitForEnd(expected: 1);
    }

    [Theory]
    [InlineData(Backend.Kvm, 2)]
    [InlineData(Backend.Kvm, 4)]
    [InlineData(Backend.Software, 2)]
    [InlineData(Backend.Software, 4)]
    [InlineData(Backend.Software, 8)]
    public void Code_that_another_processor_changes_runs_as_changed(Backend backend, int processors)
    {
        // Processor 0 changes the function, tells the others, and goes on writing beside it until all have called it. Each of them serialises itself
        // first, as the manual asks for (Intel SDM vol. 3, 9.1.3).
        const uint Rounds = 400;
        ulong round = 0, done = 0, wrong = 0;
        using TestMachine machine = TestMachine.Run(
            backend,
            b =>
            {
                round = b.Reserve(8, 64);
                done = b.Reserve(8, 64);
                wrong = b.Reserve(8, 64);
                Assembler c = b.Code;
                Label other = c.CreateLabel(), change = c.CreateLabel(), wait = c.CreateLabel(), look = c.CreateLabel(), right = c.CreateLabel(), over = c.CreateLabel();
                c.test(edi, edi);
                c.jne(other);

                c.xor(r12d, r12d);
                c.Label(ref change);
                c.inc(r12d);
                c.mov(__dword_ptr[Function + ImmediateAt], r12d);
                c.mov(__dword_ptr[round], r12d);
                c.imul(r13d, r12d, processors - 1);
                c.Label(ref wait);
                c.inc(__dword_ptr[Page + 0x800]);
                c.pause();
                c.cmp(__dword_ptr[done], r13d);
                c.jne(wait);
                c.cmp(r12d, Rounds);
                c.jne(change);
                b.Exit(0);

                c.Label(ref other);
                c.xor(r12d, r12d);
                Label next = c.CreateLabel();
                c.Label(ref next);
                c.inc(r12d);
                c.Label(ref look);
                c.pause();
                c.cmp(__dword_ptr[round], r12d);
                c.jne(look);
                c.xor(eax, eax);
                c.cpuid();
                b.CallAt(Function);
                c.cmp(eax, r12d);
                c.je(right);
                c.@lock.inc(__dword_ptr[wrong]);
                c.Label(ref right);
                c.@lock.inc(__dword_ptr[done]);
                c.cmp(r12d, Rounds);
                c.jne(next);
                c.Label(ref over);
                b.Halt();
                EmitFunctions(b);
            },
            image: new LongModeOptions { Processors = processors });
        Assert.Equal(0UL, machine.Word(wrong));
        Assert.Equal(Rounds * (ulong)(processors - 1), machine.Word(done));
    }

    private static void EmitFunctions(LongModeImageBuilder b)
    {
        Assembler c = b.Code;
        b.Map(Alias, Page, PageFlags.Data);
        b.At(Page, PageFlags.Code);
        // The immediate is at Page + 8.
        c.nop(7);
        Return(1);
        b.At(Function);
        Return(1);
        b.At(Neighbour);
        Return(2);
        b.At(Page + 0x200);
        // Changes the instruction behind the next one, which is decoded together with this one.
        Label changed = c.CreateLabel();
        c.lea(rcx, __[changed]);
        c.mov(__byte_ptr[rcx + ImmediateAt], 6);
        c.nop();
        c.Label(ref changed);
        Return(1);
        b.At(Crossing, PageFlags.Code);
        b.Protect(Crossing + 3, PageFlags.Code);
        Return(1);
        b.BackToText();

        void Return(int value)
        {
            c.mov(eax, value);
            c.ret();
        }
    }
}
