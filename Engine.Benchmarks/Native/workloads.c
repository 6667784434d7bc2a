/*
 * What emulators are compared by: each workload several times, with a byte to a port before the first and after each. The bytes are
 * above ASCII, which an emulator may write to the same pipe.
 */
#include "program.h"

enum { MARK = 0xe0, REPETITIONS = 9, SIEVE = 1 << 19, COPY = 1 << 20 };
#define AREA ((u8 *)0x400000)

static volatile u64 sink;

static void out(unsigned short port, u8 value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

/* To the serial line of our machine and to the debugging port of the others. */
static void mark(void)
{
    out(0x3f8, MARK);
    out(0xe9, MARK);
}

static void integers(void)
{
    u64 a = 1, b = 7, x;
    for (u32 i = 0; i < 1500000; i++) {
        x = a + (b >> 3);
        a = (a ^ x) * 5 + i;
        b += x & 0xffff;
    }
    sink = a + b;
}

static void sieve(void)
{
    u8 *composite = AREA;
    u32 primes = 0;
    for (u32 i = 0; i < SIEVE; i++)
        composite[i] = 0;
    for (u32 i = 2; i < SIEVE; i++)
        if (!composite[i]) {
            primes++;
            for (u64 j = (u64)i * i; j < SIEVE; j += i)
                composite[j] = 1;
        }
    sink = primes;
}

static void hash(void)
{
    sink = program(AREA, 60000, AREA + (8 << 20));
}

static void copy(void)
{
    for (int round = 0; round < 12; round++) {
        u64 *from = (u64 *)AREA, *to = (u64 *)(AREA + 2 * COPY);
        for (u32 i = 0; i < COPY / 8; i++)
            to[i] = from[i];
        __asm__ volatile("" : : : "memory");
    }
}

static void copy_string(void)
{
    for (int round = 0; round < 60; round++) {
        u64 count = COPY / 8;
        u8 *from = AREA, *to = AREA + 2 * COPY;
        __asm__ volatile("rep movsq" : "+c"(count), "+S"(from), "+D"(to) : : "memory");
    }
}

__attribute__((section(".text.first"), used)) void workloads(void)
{
    static void (*const all[])(void) = { integers, sieve, hash, copy, copy_string };
    mark();
    for (u32 i = 0; i < sizeof all / sizeof *all; i++)
        for (int r = 0; r < REPETITIONS; r++) {
            all[i]();
            mark();
        }
}
