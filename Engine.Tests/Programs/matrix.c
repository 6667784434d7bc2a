/* Products of matrices in double precision, and conversions to and from integers. */
#include "program.h"

enum { N = 24 };
static double a[N][N], b[N][N], c[N][N];

u64 program(const u8 *input, u64 length, u8 *output)
{
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            u64 at = (u64)(i * N + j);
            a[i][j] = (double)(input[at % length] - 100) / 7.0;
            b[i][j] = (double)(int)(input[(at * 5 + 1) % length] << 9) * 0.001 - (float)j / 3.0f;
        }
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++) {
                double sum = 0;
                for (int k = 0; k < N; k++)
                    sum += a[i][k] * b[k][j];
                c[i][j] = sum;
            }
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++)
                b[i][j] = c[i][j] / 512.0 + (c[i][j] > 0 ? 0.5 : -0.25);
    }
    long total = 0;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            union { double value; u8 bytes[8]; } cell = { .value = c[i][j] };
            for (int k = 0; k < 8; k++)
                output[(i * N + j) * 8 + k] = cell.bytes[k];
            total += (long)c[i][j];
        }
    return (u64)total ^ digest(output, OUTPUT_SIZE);
}
