namespace Hyperpatch.Engine.Tests.Support;

/// <summary>What a test does that needs an accelerator where there is none.</summary>
internal static class Accelerated
{
    /// <summary>
    /// Skips the test with the reason; where HYPERPATCH_REQUIRE_KVM is set (by the CI script, when /dev/kvm can be opened) fails it instead:
    /// there a skipped KVM test hides a defect.
    /// </summary>
    /// <param name="isAvailable">Whether the accelerator can be used.</param>
    /// <param name="reason">Why not.</param>
    public static void Require(bool isAvailable, string reason)
    {
        if (isAvailable)
        {
            return;
        }

        Assert.False(
            Environment.GetEnvironmentVariable("HYPERPATCH_REQUIRE_KVM") is { Length: > 0 },
            $"/dev/kvm can be opened, and yet the accelerator says: {reason}");
        Assert.Skip(reason);
    }
}
