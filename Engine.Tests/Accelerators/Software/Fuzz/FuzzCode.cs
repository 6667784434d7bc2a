namespace Hyperpatch.Engine.Tests.Accelerators.Software.Fuzz;

/// <summary>Random machine code: plain random bytes are mostly arithmetic, so these have prefixes and the second opcode map more often.</summary>
internal static class FuzzCode
{
    private static readonly byte[] s_prefixes = [0x66, 0x67, 0xF0, 0xF2, 0xF3, 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x40, 0x48, 0x4F];

    // Far transfers, stack frames, strings, interrupts, segment loads, ports.
    private static readonly byte[] s_rare =
    [
        0x0E, 0x17, 0x1F, 0x60, 0x61, 0x62, 0x63, 0x6C, 0x6D, 0x6E, 0x6F, 0x8E, 0x8F, 0x9A, 0x9C, 0x9D, 0xA4, 0xA5, 0xA6, 0xAA, 0xAB,
        0xC4, 0xC5, 0xC8, 0xC9, 0xCA, 0xCB, 0xCC, 0xCD, 0xCE, 0xCF, 0xD7, 0xE4, 0xE6, 0xEA, 0xEC, 0xEE, 0xF1, 0xF4, 0xFA, 0xFB, 0xFF,
    ];

    // Descriptor tables, control registers, model-specific registers, fast calls, selectors.
    private static readonly byte[] s_system =
    [
        0x00, 0x01, 0x02, 0x03, 0x05, 0x06, 0x07, 0x09, 0x20, 0x21, 0x22, 0x23, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x37, 0xA0, 0xA1,
        0xA2, 0xA8, 0xA9, 0xAE, 0xB0, 0xB1, 0xB2, 0xB4, 0xB5, 0xC0, 0xC1, 0xC7,
    ];

    /// <summary>Fills memory with code.</summary>
    /// <param name="random">Source of it.</param>
    /// <param name="code">Filled.</param>
    public static void Fill(Random random, Span<byte> code)
    {
        random.NextBytes(code);
        if (random.Next(5) == 0)
        {
            return;
        }

        for (int at = 0; at + 4 < code.Length; at += random.Next(1, 9))
        {
            int prefixes = random.Next(8) == 0 ? random.Next(1, 15) : random.Next(2);
            for (int i = 0; i < prefixes && at + 4 < code.Length; i++)
            {
                code[at++] = s_prefixes[random.Next(s_prefixes.Length)];
            }

            switch (random.Next(6))
            {
                case 0:
                    code[at++] = 0x0F;
                    code[at++] = s_system[random.Next(s_system.Length)];
                    break;
                case 1:
                    code[at++] = 0x0F;
                    at++;
                    break;
                case 2:
                    code[at++] = s_rare[random.Next(s_rare.Length)];
                    break;
                case 3:
                    // VEX: the instructions on three registers.
                    code[at++] = 0xC4;
                    code[at] = (byte)((code[at] & 0xE0) | 2);
                    at++;
                    break;
                default:
                    at++;
                    break;
            }
        }
    }
}
