/*
 * What a guest program and whoever starts it agree on. The same source runs on the host and as a guest: it uses no library,
 * reads only its input and writes only its output, so that the two can be compared byte by byte.
 */
#ifndef PROGRAM_H
#define PROGRAM_H

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;

enum { OUTPUT_SIZE = 16384 };

/* Returns a digest; the output (OUTPUT_SIZE bytes, zero at first) is compared as well. The linker script puts this first. */
__attribute__((section(".text.entry"), used)) u64 program(const u8 *input, u64 length, u8 *output);

static inline u64 digest(const u8 *bytes, u64 length)
{
    u64 hash = 0xcbf29ce484222325;
    for (u64 i = 0; i < length; i++)
        hash = (hash ^ bytes[i]) * 0x100000001b3;
    return hash;
}

#endif
