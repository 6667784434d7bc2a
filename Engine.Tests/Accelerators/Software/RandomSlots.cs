using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Accelerators.Software;

/// <summary>Random sequences, and random forms of those instructions that need their registers set up: strings, division, frames, branches.</summary>
internal sealed class RandomSlots(Random random, int bits, bool isWhole)
{
    private const ulong All = RandomInstructions.All;
    private readonly RandomInstructions _source = new(random, bits, isWhole);

    private bool IsLong => bits == 64;

    // The scratch area's start.
    private AssemblerMemoryOperand Scratch => IsLong ? __[r13] : __[esi + RandomInstructions.Scratch32];

    /// <summary>What is made beside <see cref="RandomInstructions"/>.</summary>
    public static IEnumerable<Mnemonic> Mnemonics
    {
        get
        {
            foreach (int width in (int[])[64, 32])
            {
                RandomSlots slots = new(new Random(1), width, isWhole: true);
                Assembler c = new(width);
                for (int i = 0; i < 5000; i++)
                {
                    slots.Next().Emit(c);
                }

                foreach (Instruction instruction in c.Instructions)
                {
                    yield return instruction.Mnemonic;
                }
            }
        }
    }

    /// <summary>Makes one.</summary>
    public DifferentialSlot Next()
    {
        if (random.Next(6) == 0)
        {
            return random.Next(IsLong || !isWhole ? 6 : 8) switch
            {
                0 => StringOperation(),
                1 => Division(),
                2 => Translation(),
                3 => Frame(),
                4 => Branch(),
                5 => PushAndPop(),
                6 => PushAll(),
                _ => Bound(),
            };
        }

        Instruction[] sequence = new Instruction[random.Next(1, 5)];
        for (int i = 0; i < sequence.Length; i++)
        {
            do
            {
                sequence[i] = _source.Next();
            }
            while (!SequenceFlags.MayFollow(sequence.AsSpan(0, i), sequence[i]) && random.Next(200) != 0);
            if (!SequenceFlags.MayFollow(sequence.AsSpan(0, i), sequence[i]))
            {
                // Nothing may follow a result that is undefined.
                sequence = sequence[..i];
            }
        }

        return new DifferentialSlot(
            string.Join("; ", sequence.Select(i => i.ToString())),
            c =>
            {
                foreach (Instruction i in sequence)
                {
                    c.AddInstruction(i);
                }
            },
            sequence,
            0);
    }

    private static DifferentialSlot Slot(string text, ulong defined, Action<Assembler> emit) => new(text, emit, [], defined);

    private DifferentialSlot StringOperation()
    {
        int size = 1 << random.Next(IsLong ? 4 : 3), kind = random.Next(5), repeats = random.Next(3);
        bool down = random.Next(2) == 0;
        int count = random.Next((8 / size) + 1), start = down ? 8 - size : 0;
        return Slot($"string operation {kind} of {size}, repetition {repeats}, {count} {(down ? "down" : "up")}", All, c =>
        {
            if (!IsLong)
            {
                c.push(esi);
                c.push(edi);
                c.lea(edi, Scratch + start);
                c.lea(esi, Scratch + (8 + start));
                c.mov(ecx, count);
            }
            else
            {
                c.lea(rdi, Scratch + start);
                c.lea(rsi, Scratch + (8 + start));
                c.mov(rcx, count);
            }

            if (down)
            {
                c.std();
            }

            if (repeats == 1)
            {
                _ = c.rep;
            }
            else if (repeats == 2 && kind > 2)
            {
                _ = c.repne;
            }

            Action[] forms = [c.movsb, c.movsw, c.movsd, c.movsq, c.stosb, c.stosw, c.stosd, c.stosq, c.lodsb, c.lodsw, c.lodsd, c.lodsq,
                c.scasb, c.scasw, c.scasd, c.scasq, c.cmpsb, c.cmpsw, c.cmpsd, c.cmpsq];
            forms[(kind * 4) + int.Log2(size)]();
            if (down)
            {
                c.cld();
            }

            if (!IsLong)
            {
                c.pop(edi);
                c.pop(esi);
            }
        });
    }

    private DifferentialSlot Division()
    {
        int size = random.Next(IsLong ? 4 : 3);
        bool isSigned = random.Next(2) == 0;
        // Neither 0 nor -1, and larger than the upper half of the dividend: no #DE.
        int divisor = random.Next(2, 127), upper = isSigned ? 0 : random.Next(divisor);
        return Slot($"division of width {size}, signed {isSigned}, {upper}:a by {divisor}", 0, c =>
        {
            c.mov(ebx, divisor);
            switch (size)
            {
                case 0 when isSigned:
                    c.cbw();
                    c.idiv(bl);
                    break;
                case 0:
                    c.mov(ah, (byte)upper);
                    c.div(bl);
                    break;
                case 1 when isSigned:
                    c.cwd();
                    c.idiv(bx);
                    break;
                case 1:
                    c.mov(dx, (short)upper);
                    c.div(bx);
                    break;
                case 2 when isSigned:
                    c.cdq();
                    c.idiv(ebx);
                    break;
                case 2:
                    c.mov(edx, upper);
                    c.div(ebx);
                    break;
                case 3 when isSigned:
                    c.cqo();
                    c.idiv(rbx);
                    break;
                default:
                    c.mov(edx, upper);
                    c.div(rbx);
                    break;
            }
        });
    }

    private DifferentialSlot Translation() => Slot("xlat", All, c =>
    {
        if (IsLong)
        {
            c.lea(rbx, Scratch);
        }
        else
        {
            c.lea(ebx, Scratch);
        }

        c.xlatb();
    });

    private DifferentialSlot Frame()
    {
        // KVM's emulator knows ENTER without nesting only.
        int level = random.Next(isWhole ? 5 : 1), room = random.Next(40);
        bool isShort = IsLong && random.Next(2) == 0;
        return Slot($"enter {room}, {level}, short {isShort}; leave", All, c =>
        {
            if (!IsLong)
            {
                c.mov(edx, esp);
                c.mov(ebp, esp);
                c.enter((short)room, (sbyte)level);
                c.mov(eax, ebp);
                c.mov(ecx, esp);
                c.leave();
                c.mov(ebx, esp);
                c.mov(esp, edx);
                return;
            }

            c.mov(r8, rsp);
            c.mov(rbp, rsp);
            if (isShort)
            {
                c.AddInstruction(Instruction.Create(Code.Enterw_imm16_imm8, room, level));
            }
            else
            {
                c.enter((short)room, (sbyte)level);
            }

            c.mov(rax, rbp);
            c.mov(rcx, rsp);
            c.movzx(r9d, __word_ptr[rsp + room]);
            if (!isShort)
            {
                c.leave();
            }

            c.mov(rbx, rsp);
            c.mov(rsp, r8);
        });
    }

    private DifferentialSlot Branch()
    {
        int kind = random.Next(20), count = random.Next(3);
        return Slot($"branch {kind}, counter {count}", All, c =>
        {
            Label over = c.CreateLabel();
            c.mov(ecx, count);
            Action<Label>[] forms = [c.jo, c.jno, c.jb, c.jae, c.je, c.jne, c.jbe, c.ja, c.js, c.jns, c.jp, c.jnp, c.jl, c.jge, c.jle, c.jg,
                c.loop, c.loope, c.loopne, IsLong ? c.jrcxz : c.jecxz];
            forms[kind](over);
            c.mov(eax, 0x1234);
            c.Label(ref over);
            c.mov(edx, kind);
        });
    }

    private DifferentialSlot PushAndPop()
    {
        int kind = random.Next(4), value = random.Next(-128, 128);
        return Slot($"push and pop {kind} {value}", All & ~RandomInstructions.Adjust, c =>
        {
            switch (kind)
            {
                case 0 when IsLong:
                    c.push(value);
                    c.pop(rax);
                    break;
                case 0:
                    c.push(value);
                    c.pop(eax);
                    break;
                case 1:
                    c.push(bx);
                    c.pop(ax);
                    break;
                case 2 when IsLong:
                    c.push(__qword_ptr[r13]);
                    c.pop(__qword_ptr[r13 + 8]);
                    break;
                case 2:
                    c.push(__dword_ptr[esi + RandomInstructions.Scratch32]);
                    c.pop(__dword_ptr[esi + RandomInstructions.Scratch32 + 4]);
                    break;
                default:
                    // Not IF: see known-differences.md.
                    c.pushf();
                    c.pop(ax);
                    c.and(ax, 0x0DFF);
                    break;
            }
        });
    }

    private DifferentialSlot PushAll()
    {
        bool isWide = random.Next(2) == 0;
        int which = random.Next(8);
        return Slot($"push all, wide {isWide}, slot {which}", All, c =>
        {
            if (isWide)
            {
                c.pushad();
                c.mov(eax, __dword_ptr[esp + (which * 4)]);
                c.not(__dword_ptr[esp + 16]);
                c.mov(__dword_ptr[esp + 28], eax);
                c.popad();
            }
            else
            {
                c.pusha();
                c.mov(ax, __word_ptr[esp + (which * 2)]);
                c.not(__word_ptr[esp + 8]);
                c.mov(__word_ptr[esp + 14], ax);
                c.popa();
            }
        });
    }

    private DifferentialSlot Bound()
    {
        int low = random.Next(-100, 1), high = random.Next(255, 1000);
        return Slot($"bound {low}, {high}", All, c =>
        {
            c.movzx(eax, al);
            c.mov(__dword_ptr[esi + RandomInstructions.Scratch32], low);
            c.mov(__dword_ptr[esi + RandomInstructions.Scratch32 + 4], high);
            c.bound(eax, __qword_ptr[esi + RandomInstructions.Scratch32]);
        });
    }
}
