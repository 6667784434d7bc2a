/* Wide products, divisions, shifts, bit counts and narrow types: what compilers pick unusual instructions for. */
#include "program.h"

typedef unsigned __int128 u128;

static u64 word(const u8 *p)
{
    u64 x = 0;
    for (int i = 7; i >= 0; i--)
        x = x << 8 | p[i];
    return x;
}

static u64 power(u64 base, u64 exponent, u64 modulus)
{
    /* Below 2^32, so that no 128-bit division is called, which is in a library. */
    u64 result = 1;
    for (base %= modulus; exponent; exponent >>= 1, base = base * base % modulus)
        if (exponent & 1)
            result = result * base % modulus;
    return result;
}

u64 program(const u8 *input, u64 length, u8 *output)
{
    u64 acc = 0, n = 0;
    for (u64 i = 0; i + 16 <= length && n < OUTPUT_SIZE / 64; i += 16, n++) {
        u64 a = word(input + i), b = word(input + i + 8), r[8];
        int s = (int)(b & 63);
        u128 wide = (u128)a * b + acc;
        r[0] = (u64)(wide >> 64) ^ (u64)wide;
        r[1] = a / (b | 1) + a % (b >> s | 1);
        r[2] = (u64)((long)a / ((long)(b >> 9) | 1)) ^ (u64)((int)a % ((int)(b & 0x7fff) | 1 << 20));
        r[3] = (a << s | a >> (-s & 63)) + (u64)((long)b >> s) + (u64)(wide >> s);
        r[4] = (u64)__builtin_ctzl(a | 1UL << 40) * 3 + (u64)__builtin_clzl(b | 1) + __builtin_bswap64(a);
        r[5] = (u64)(long)(signed char)a + (u64)(long)(short)b * (u64)(u8)(a >> 8) + (a > b ? a : b);
        r[6] = power(a >> 32, b & 0xffff, (b >> 33) | 3);
        r[7] = (u64)((__int128)(long)a * (long)b >> 64) - a / 10 + (u64)((long)b / 7) + (u32)a % 1000;
        for (int j = 0; j < 64; j++)
            output[n * 64 + (u64)j] = (u8)(r[j / 8] >> (8 * (j % 8)));
        acc = acc * 5 + r[n % 8];
    }
    return acc ^ digest(output, OUTPUT_SIZE);
}
