using Hyperpatch.Engine.Tests.Support;

namespace Hyperpatch.Engine.Tests.Accelerators.Programs;

/// <summary>
/// What a C compiler makes of ordinary programs, as guests in 64-bit mode: their results are those of the same source on the host. It
/// covers the instructions, and the ways of combining them, that real code has and a generator of random ones seldom hits.
/// </summary>
public sealed class CompiledProgramTests
{
    private static readonly Backend[] s_backends = [Backend.Kvm, Backend.Software];
    private static readonly int[] s_levels = [0, 1, 2, 3];

    /// <summary>The programs that need no vector registers.</summary>
    public static MatrixTheoryData<Backend, string, int> IntegerPrograms =>
        new(s_backends, ["sort", "sha256", "crc32", "strings", "arithmetic"], s_levels);

    /// <summary>Those that calculate in floating point.</summary>
    public static MatrixTheoryData<Backend, string, int> FloatingPrograms => new(s_backends, ["matrix"], s_levels);

    [Theory]
    [MemberData(nameof(IntegerPrograms))]
    public void Integer_programs_do_the_same_as_on_the_host(Backend backend, string program, int level) =>
        Compare(backend, ProgramCompiler.Get(program, level, usesVectorRegisters: false));

    [Theory]
    [MemberData(nameof(FloatingPrograms))]
    public void Floating_point_programs_do_the_same_as_on_the_host(Backend backend, string program, int level)
    {
        Assert.SkipUnless(ProgramGuest.HasSse2(backend), "The CPUID of this back end does not offer SSE2 (leaf 1, EDX bit 26).");
        Compare(backend, ProgramCompiler.Get(program, level, usesVectorRegisters: true));
    }

    private static void Compare(Backend backend, CompiledProgram program)
    {
        (ulong digest, byte[] output) = ProgramGuest.Run(backend, program);
        Assert.Equal(program.Digest, digest);
        Assert.Equal(program.Output, output);
    }
}
