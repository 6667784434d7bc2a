using Hyperpatch.Engine.Accelerators;
using Hyperpatch.Engine.Accelerators.Software;
using Hyperpatch.Engine.Exits;
using Hyperpatch.Engine.Guests;
using Hyperpatch.Engine.Memory;
using Hyperpatch.Engine.Tests.Support;

namespace Hyperpatch.Engine.Tests.Accelerators.Software.Fuzz;

/// <summary>
/// Runs fuzzed guests on the bare back end, so that whatever its code throws comes out here. Memory that is not the guest's is mapped
/// on both sides of what is, and must stay as it was.
/// </summary>
internal sealed class FuzzRun : IDisposable
{
    private const int MostExits = 3000, GuardBytes = 0x10000;
    private static readonly TimeSpan s_slice = TimeSpan.FromMilliseconds(2);
    private readonly GuestMemory _above = Guard();
    private readonly GuestMemory _memory = new(FuzzImage.Size);
    private readonly GuestMemory _below = Guard();
    private IProcessor? _running;

    /// <summary>Exits of all runs.</summary>
    public long Exits { get; private set; }

    /// <summary>Makes the processor that is at work come back. Any thread.</summary>
    public void Kick() => Volatile.Read(ref _running)?.Kick();

    /// <summary>One guest from a seed.</summary>
    /// <param name="mode">Its mode.</param>
    /// <param name="seed">All that is random about it.</param>
    public void Once(FuzzMode mode, int seed)
    {
        Random random = new(seed);
        FuzzImage image = new(random, mode);
        ProcessorStart start = image.Make(random.Next(3) == 0 ? 0 : random.Next(1, 60));
        _memory.Clear();
        Assert.True(_memory.TryWrite(0, image.Bytes));
        SoftwarePartition partition = new(_memory, (random.Next(2) == 0 ? GuestVendor.Intel : GuestVendor.Amd).Cpu());
        using IProcessor processor = partition.CreateProcessor(0);
        processor.Start(start);
        SetRegisters(ref processor.Registers, image);
        processor.RegistersChanged();
        if (mode != FuzzMode.Real && random.Next(3) == 0)
        {
            GoToUser(processor, mode);
        }

        if (random.Next(4) == 0)
        {
            ((ISingleStep)processor).IsStepping = true;
        }

        Volatile.Write(ref _running, processor);
        using (new Timer(_ => processor.Kick(), null, s_slice, Timeout.InfiniteTimeSpan))
        {
            Run(processor, random);
        }

        CheckSaving(partition, processor, random);
        Assert.True(IsUntouched(_above) && IsUntouched(_below), "Host memory beside the guest's was written.");
    }

    public void Dispose()
    {
        _above.Dispose();
        _memory.Dispose();
        _below.Dispose();
    }

    private static GuestMemory Guard()
    {
        GuestMemory memory = new(GuardBytes);
        byte[] pattern = new byte[GuardBytes];
        Array.Fill(pattern, (byte)0xA5);
        Assert.True(memory.TryWrite(0, pattern));
        return memory;
    }

    private static bool IsUntouched(GuestMemory guard)
    {
        byte[] bytes = new byte[GuardBytes];
        return guard.TryRead(0, bytes) && !bytes.AsSpan().ContainsAnyExcept((byte)0xA5);
    }

    private static void SetRegisters(ref GuestRegisters r, FuzzImage image)
    {
        r.Rax = image.Value();
        r.Rbx = image.Value();
        r.Rcx = image.Value();
        r.Rdx = image.Value();
        r.Rbp = image.Value();
        r.R8 = image.Value();
        r.R9 = image.Value();
        r.R10 = image.Value();
        r.R11 = image.Value();
        r.R12 = image.Value();
        r.R13 = image.Value();
        r.R14 = image.Value();
        r.R15 = image.Value();
    }

    private static void GoToUser(IProcessor processor, FuzzMode mode)
    {
        ProcessorState state = processor.Save();
        SystemRegisters system = state.System;
        system.Cs.Selector = (ushort)(mode == FuzzMode.Long ? 0x2B : 0x1B);
        system.Cs.Access = 0xFB;
        system.Ss.Selector = system.Ds.Selector = system.Es.Selector = 0x23;
        system.Ss.Access = system.Ds.Access = system.Es.Access = 0xF3;
        processor.Restore(state with { System = system });
    }

    private static void CheckSaving(SoftwarePartition partition, IProcessor processor, Random random)
    {
        processor.ClearKick();
        VmExit exit = default;
        for (int i = 0; i < MostExits && processor.CompletePending(ref exit); i++)
        {
            _ = Answer(processor, ref exit, random);
        }

        ProcessorState state = processor.Save();
        using IProcessor other = partition.CreateProcessor(1);
        other.Restore(state);
        Assert.Equal(state.Registers, other.Save().Registers);
    }

    // As the machine does, but for ports and unknown registers, which give what they like.
    private static bool Answer(IProcessor processor, ref VmExit exit, Random random)
    {
        switch (exit.Reason)
        {
            case ExitReason.InvalidOpcode:
                processor.InjectInvalidOpcode();
                return true;
            case ExitReason.Hypercall:
                processor.CompleteInstruction(3);
                return true;
            case ExitReason.PortIo or ExitReason.Mmio:
                if (!exit.IsWrite)
                {
                    random.NextBytes(processor.ExitData);
                }

                return true;
            case ExitReason.MsrRead or ExitReason.MsrWrite when random.Next(2) == 0:
                processor.InjectGeneralProtection();
                return true;
            case ExitReason.Shutdown or ExitReason.Failure:
                return false;
            default:
                return true;
        }
    }

    private void Run(IProcessor processor, Random random)
    {
        processor.BindToCurrentThread();
        VmExit exit = default;
        for (int i = 0; i < MostExits; i++)
        {
            processor.Run(ref exit);
            Exits++;
            if (exit.Reason == ExitReason.Interrupted || !Answer(processor, ref exit, random))
            {
                return;
            }
        }
    }
}
