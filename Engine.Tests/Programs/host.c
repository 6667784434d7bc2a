/* Runs a program on the host: input from stdin, the digest (8 bytes) and the output to stdout. */
#include <stdio.h>
#include "program.h"

static u8 input[1 << 16], output[OUTPUT_SIZE];

int main(void)
{
    u64 length = fread(input, 1, sizeof input, stdin);
    u64 result = program(input, length, output);
    return fwrite(&result, 8, 1, stdout) == 1 && fwrite(output, sizeof output, 1, stdout) == 1 ? 0 : 1;
}
