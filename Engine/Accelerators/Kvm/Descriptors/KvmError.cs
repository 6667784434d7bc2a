using System.Runtime.InteropServices;
using Hyperpatch.Engine.Accelerators.Kvm.Native;

namespace Hyperpatch.Engine.Accelerators.Kvm.Descriptors;

/// <summary>Turns errno into exceptions that name the operation.</summary>
internal static class KvmError
{
    /// <summary>Throws for a failed call, else returns its result.</summary>
    public static int Check(int result, string operation) =>
        result >= 0 ? result : throw Make(operation, Marshal.GetLastPInvokeError());

    /// <summary>Makes the exception for an operation and an errno.</summary>
    public static AcceleratorException Make(string operation, int errno) =>
        new($"KVM refused {operation}: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno}).");

    /// <summary>Repeats a call that a signal interrupted.</summary>
    public static int Retry(int descriptor, uint request, nint argument)
    {
        int result;
        do
        {
            result = Libc.Ioctl(descriptor, request, argument);
        }
        while (result < 0 && Marshal.GetLastPInvokeError() is Libc.Eintr or Libc.Eagain);
        return result;
    }
}
