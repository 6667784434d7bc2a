using Hyperpatch.Engine.Guests.Images;
using Hyperpatch.Engine.Machine;
using Hyperpatch.Engine.Tests.Support;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hyperpatch.Engine.Tests.Machine;

/// <summary>INIT and start-up messages that were sent and not taken yet, together and over a vendor switch.</summary>
public sealed class StartUpSwitchTests
{
    // Below 1 MiB, where only a stack of a processor that this machine has not got would be.
    private const ulong Page = 0xF0000;
    private const ulong Marker = Page + 0x100;
    private const uint Init = 0x4500;
    private const uint StartUp = 0x4600 | (uint)(Page >> 12);

    /// <summary>Where the switch comes.</summary>
    public enum Place
    {
        /// <summary>There is none.</summary>
        Nowhere,

        /// <summary>Behind the INIT, before the processor has taken it.</summary>
        BehindInit,

        /// <summary>Behind both, before either was taken.</summary>
        BehindBoth,

        /// <summary>Behind the start-up alone: the INIT was taken.</summary>
        BehindStartUp,
    }

    [Theory]
    [InlineData(Place.Nowhere)]
    [InlineData(Place.BehindInit)]
    [InlineData(Place.BehindBoth)]
    [InlineData(Place.BehindStartUp)]
    public void A_processor_starts_all_the_same(Place place)
    {
        // One processor after the other, so that what is sent is not taken before the switch.
        using TestMachine machine = TestMachine.Create(
            Backend.Deterministic,
            b =>
            {
                Assembler c = b.Code;
                Label first = c.CreateLabel(), wait = c.CreateLabel();
                b.EnableLocalApic();
                c.test(edi, edi);
                c.je(first);
                b.Halt();
                c.Label(ref first);
                Pass(c);
                b.WriteMsr(X2Apic.InterruptCommand, (1UL << 32) | Init);
                SwitchAt(Place.BehindInit);
                if (place == Place.BehindStartUp)
                {
                    Pass(c);
                }

                b.WriteMsr(X2Apic.InterruptCommand, (1UL << 32) | StartUp);
                SwitchAt(Place.BehindBoth);
                SwitchAt(Place.BehindStartUp);
                c.Label(ref wait);
                c.pause();
                c.cmp(__byte_ptr[Marker], 0x55);
                c.jne(wait);
                b.Exit(0);

                void SwitchAt(Place here)
                {
                    if (here == place)
                    {
                        c.mov(eax, 0x1234);
                        b.Hypercall(GuestVendor.Intel);
                    }
                }
            },
            image: new LongModeOptions { Processors = 2 },
            options: new VirtualMachineOptions { MemoryMiB = 4, SwitchVendorAfter = 1 });
        // mov byte [cs:0x100], 0x55; hlt; jmp to the hlt
        Assert.True(machine.Machine.Memory.TryWrite(Page, [0x2E, 0xC6, 0x06, 0x00, 0x01, 0x55, 0xF4, 0xEB, 0xFD]));
        _ = machine.RunToEnd(expected: 1);
        Assert.Equal(place == Place.Nowhere ? 0 : 1, machine.Machine.Epoch);
    }

    // The other processor has its turn, and more than one.
    private static void Pass(Assembler c)
    {
        Label again = c.CreateLabel();
        c.mov(ecx, 1000);
        c.Label(ref again);
        c.pause();
        c.dec(ecx);
        c.jne(again);
    }
}
