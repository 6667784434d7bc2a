namespace Hyperpatch.Engine.Accelerators.Kvm.Native;

/// <summary>
/// The signal that calls a vCPU back. No handler is ever installed: it stays blocked on the vCPU's thread, the kernel
/// unblocks it inside KVM_RUN only, and what is left pending is taken off with sigtimedwait. (A managed handler would
/// kill the process when the signal lands in managed code.)
/// </summary>
internal static unsafe class KickSignal
{
    // .NET uses SIGRTMIN (34) itself; two further on is free of the C library's and .NET's uses.
    public const int Number = 36;
    private const int SigsetWords = 16; // glibc's sigset_t: 1024 bits, of which the kernel uses the first 64
    private const ulong Bit = 1UL << (Number - 1);

    /// <summary>Blocks the signal on the calling thread.</summary>
    /// <returns>The thread's mask without it: what KVM_RUN is to use.</returns>
    public static ulong Block()
    {
        ulong* set = stackalloc ulong[SigsetWords];
        ulong* old = stackalloc ulong[SigsetWords];
        new Span<ulong>(set, SigsetWords).Clear();
        set[0] = Bit;
        _ = Libc.PthreadSigmask(Libc.SigBlock, set, old);
        return old[0] & ~Bit;
    }

    /// <summary>Takes pending signals off the calling thread; returns at once when there are none.</summary>
    public static void Drain()
    {
        ulong* set = stackalloc ulong[SigsetWords];
        new Span<ulong>(set, SigsetWords).Clear();
        set[0] = Bit;
        long* zero = stackalloc long[2];
        zero[0] = zero[1] = 0;
        while (Libc.SigTimedWait(set, null, zero) > 0)
        {
        }
    }
}
