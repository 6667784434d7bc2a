using Hyperpatch.Engine.Guests;

namespace Hyperpatch.Engine.Machine;

/// <summary>Checks a machine's options, naming the one that is wrong.</summary>
internal static class MachineOptionChecks
{
    private const int MaximumNameLength = 64;
    private const int MaximumCommandLineLength = 2048;

    public static void Check(VirtualMachineOptions options, MachineGuest? guest = null)
    {
        int mostProcessors = Math.Min(VirtualMachineOptions.MaximumProcessors, guest?.MaximumProcessors ?? int.MaxValue);
        Require(
            options.Processors >= 1 && options.Processors <= mostProcessors,
            "processors",
            guest is not null && mostProcessors < VirtualMachineOptions.MaximumProcessors
                ? $"The guest {guest.Name} runs on 1 to {mostProcessors} processors, not {options.Processors}."
                : $"A machine has 1 to {mostProcessors} processors, not {options.Processors}.");
        Require(options.MemoryMiB >= 1, "memoryMiB", $"A machine needs memory: at least 1 MiB, not {options.MemoryMiB}.");
        Require(
            guest is null || options.MemoryMiB >= guest.MinimumMemoryMiB,
            "memoryMiB",
            $"The guest {guest?.Name} needs at least {guest?.MinimumMemoryMiB} MiB, not {options.MemoryMiB}.");
        long host = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes >> 20;
        Require(
            options.MemoryMiB <= host,
            "memoryMiB",
            $"This host has {host} MiB of memory; {options.MemoryMiB} MiB are too many.");
        Require(
            options.Name is { Length: >= 1 and <= MaximumNameLength } && !options.Name.Any(char.IsControl),
            "name",
            $"A name has 1 to {MaximumNameLength} characters, without control characters.");
        Require(
            options.CommandLine is { Length: <= MaximumCommandLineLength } && options.CommandLine.All(c => c is >= ' ' and <= '~'),
            "commandLine",
            $"A command line has at most {MaximumCommandLineLength} printable ASCII characters.");
        Require(options.HistoryCapacity is >= 256 and <= 1 << 20, "historyCapacity", "The history holds 256 to 1048576 exits.");
        Require(options.FramesPerSecond is >= 1 and <= 20, "framesPerSecond", "There are 1 to 20 frames a second.");
        Require(options.SwitchVendorAfter is null or >= 1, "switchVendorAfter", "The vendor is switched after 1 hypercall or more.");
        Require(Enum.IsDefined(options.Policy), "policy", $"The policy is one of {PolicyNames.AllPolicies}.");
    }

    private static void Require(bool isRight, string field, string message)
    {
        if (!isRight)
        {
            throw new MachineOptionException(field, message);
        }
    }
}
