using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Guests.Images;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Machine.PausePoints;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Machine;

/// <summary>Accesses to where no memory is: reads give ones, writes vanish, and each instruction makes its accesses once.</summary>
public sealed class MmioTests
{
    private const int Rounds = 100;
    private const ulong Device = 0xD000_0000;

    // What makes accesses, and how many of at most 8 bytes. RAX is then all ones, as far as the instruction goes.
    private static readonly Dictionary<string, (Action<Assembler> Emit, int Accesses)> s_kinds = new()
    {
        ["load"] = (c => c.mov(rax, __[rbx]), 1),
        ["store"] = (c => c.mov(__[rbx], rcx), 1),
        ["load and store"] = (c => c.inc(__dword_ptr[rbx]), 2),
        ["exchange"] = (c => c.xchg(__[rbx], rcx), 2),
        ["locked"] = (c => c.@lock.add(__dword_ptr[rbx], ecx), 2),
        ["16 bytes"] = (c =>
        {
            c.movups(xmm0, __[rbx]);
            c.movups(__[rbx], xmm0);
        }, 4),
        ["string"] = (c =>
        {
            c.mov(rsi, rbx);
            c.lea(rdi, __[rbx + 0x100]);
            c.mov(ecx, 3);
            c.cld();
            c.rep.movsd();
        }, 6),
        ["string to ports"] = (c =>
        {
            c.mov(rsi, rbx);
            c.mov(edx, 0x80);
            c.mov(ecx, 3);
            c.cld();
            c.rep.outsb();
        }, 3),
        ["string from ports"] = (c =>
        {
            c.mov(rdi, rbx);
            c.mov(edx, 0x80);
            c.mov(ecx, 3);
            c.cld();
            c.rep.insb();
        }, 3),
        ["push and pop"] = (c =>
        {
            c.push(__qword_ptr[rbx]);
            c.pop(__qword_ptr[rbx]);
        }, 2),
    };

    public static MatrixTheoryData<Backend, string> Kinds => Backends.With(s_kinds.Keys.ToArray());

    [Theory, MemberData(nameof(Kinds))]
    public void Accesses_by_the_hundred_come_to_an_end(Backend backend, string kind)
    {
        (Action<Assembler> emit, int accesses) = s_kinds[kind];
        using TestMachine machine = TestMachine.Create(backend, b => Emit(b, emit), options: new VirtualMachineOptions { MemoryMiB = 4, HistoryCapacity = 1 << 14 });
        _ = machine.RunToEnd(expected: 1);
        List<ExitRecord> records = [.. machine.Records().Where(record => record.Reason == ExitReason.Mmio)];
        Assert.All(records, record => Assert.InRange(record.Value0, Device, Device + 0x1FF));
        if (backend is Backend.Software or Backend.Deterministic)
        {
            Assert.Equal(Rounds * accesses, records.Count);
        }
        else
        {
            // The kernel may tell of a locked instruction's write alone, or of parts.
            Assert.InRange(records.Count, Rounds, Rounds * accesses * 4);
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void A_pause_and_a_vendor_switch_in_between_repeat_no_access(Backend backend, string kind)
    {
        (Action<Assembler> emit, _) = s_kinds[kind];
        using TestMachine undisturbed = TestMachine.Create(backend, b => Emit(b, emit, rounds: 5));
        _ = undisturbed.RunToEnd(expected: 1);
        using TestMachine machine = TestMachine.Create(backend, b => Emit(b, emit, rounds: 5));
        VirtualMachine m = machine.Machine;
        m.AddPausePoint(new PausePointOptions { Kind = PausePointKind.Exit, Reason = ExitReason.Mmio });
        GuestVendor vendor = GuestVendor.Intel;
        for (m.Run(); ; m.Run())
        {
            machine.WaitUntilOrEnd(() => m.PausedBy is not null);
            if (m.State is MachineState.Stopped or MachineState.Failed)
            {
                break;
            }

            m.Pause();
            vendor = vendor.Other();
            _ = m.SwitchVendor(vendor.Cpu());
        }

        Assert.Equal(1, m.Exit!.Code);
        Assert.Equal(Accesses(undisturbed), Accesses(machine));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void An_interrupts_handler_has_accesses_of_its_own(Backend backend)
    {
        ulong interrupts = 0, wrong = 0;
        using TestMachine machine = TestMachine.Create(backend, b =>
        {
            Assembler c = b.Code;
            interrupts = b.Reserve(8);
            wrong = b.Reserve(8);
            b.EnableLocalApic();
            b.StartTimer(backend.TicksPerSecond());
            c.mov(rbx, Device);
            c.sti();
            Label again = c.CreateLabel(), right = c.CreateLabel();
            c.Label(ref again);
            c.mov(rdx, __[rbx]);
            c.cmp(rdx, -1);
            c.je(right);
            c.inc(__qword_ptr[wrong]);
            c.Label(ref right);
            c.inc(__dword_ptr[rbx + 8]);
            c.cmp(__qword_ptr[interrupts], 100);
            c.jb(again);
            b.Exit(0);
            b.Handle(Vectors.Timer, "timer");
            b.Define("timer");
            c.inc(__qword_ptr[interrupts]);
            // A write, whose answer is no value.
            c.mov(__dword_ptr[rbx + 0x20], 5);
            b.EndOfInterrupt();
        });
        _ = machine.RunToEnd(expected: 1);
        Assert.Equal(0UL, machine.Word(wrong));
        Assert.True(machine.Machine.Journal.CountOf(ExitReason.Mmio) > 100);
    }

    private static List<string> Accesses(TestMachine machine) =>
        [.. machine.Records().Where(record => record.Reason == ExitReason.Mmio).Select(record => $"{record.Value0:X} {record.Size} {record.IsWrite} {record.Value1:X}")];

    private static void Emit(LongModeImageBuilder b, Action<Assembler> emit, int rounds = Rounds)
    {
        Assembler c = b.Code;
        Label again = c.CreateLabel();
        c.mov(rbx, Device);
        c.mov(ebp, rounds);
        c.Label(ref again);
        c.xor(ecx, ecx);
        emit(c);
        c.dec(ebp);
        c.jne(again);
        b.Exit(0);
    }
}
