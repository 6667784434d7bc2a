/* CRC-32 (IEEE 802.3), bit by bit and by table: the two agree, and the table goes to the output. */
#include "program.h"

static u32 table[256];

static u32 step(u32 x)
{
    return x & 1 ? x >> 1 ^ 0xedb88320 : x >> 1;
}

u64 program(const u8 *input, u64 length, u8 *output)
{
    for (u32 i = 0; i < 256; i++) {
        u32 x = i;
        for (int b = 0; b < 8; b++)
            x = step(x);
        table[i] = x;
    }
    u32 slow = ~0u, fast = ~0u;
    for (u64 i = 0; i < length; i++) {
        slow ^= input[i];
        for (int b = 0; b < 8; b++)
            slow = step(slow);
        fast = table[(fast ^ input[i]) & 255] ^ fast >> 8;
    }
    for (u32 i = 0; i < 256; i++)
        for (int b = 0; b < 4; b++)
            output[4 * i + b] = (u8)(table[i] >> (8 * b));
    return (u64)~slow << 32 | (u32)~fast;
}
