/* Three sorts of the same numbers, each by its own pattern of loads, stores, branches and calls. */
#include "program.h"

enum { COUNT = 1200 };
static u32 work[COUNT];

static void swap(u32 *a, u32 *b)
{
    u32 t = *a;
    *a = *b;
    *b = t;
}

static void insertion(u32 *v, int n)
{
    for (int i = 1; i < n; i++) {
        u32 x = v[i];
        int j = i;
        for (; j > 0 && v[j - 1] > x; j--)
            v[j] = v[j - 1];
        v[j] = x;
    }
}

static void quick(u32 *v, int from, int to)
{
    while (from < to) {
        u32 pivot = v[from + (to - from) / 2];
        int i = from, j = to;
        while (i <= j) {
            while (v[i] < pivot)
                i++;
            while (v[j] > pivot)
                j--;
            if (i <= j)
                swap(&v[i++], &v[j--]);
        }
        quick(v, from, j);
        from = i;
    }
}

static void sift(u32 *v, int root, int n)
{
    for (int child; (child = 2 * root + 1) < n; root = child) {
        if (child + 1 < n && v[child] < v[child + 1])
            child++;
        if (v[root] >= v[child])
            return;
        swap(&v[root], &v[child]);
    }
}

static void heap(u32 *v, int n)
{
    for (int i = n / 2; i-- > 0;)
        sift(v, i, n);
    for (int i = n; i-- > 1;) {
        swap(&v[0], &v[i]);
        sift(v, 0, i);
    }
}

static u64 load(const u8 *input, u64 length)
{
    u64 n = length / 4 < COUNT ? length / 4 : COUNT;
    for (u64 i = 0; i < n; i++)
        work[i] = input[4 * i] | (u32)input[4 * i + 1] << 8 | (u32)input[4 * i + 2] << 16 | (u32)input[4 * i + 3] << 24;
    return n;
}

u64 program(const u8 *input, u64 length, u8 *output)
{
    u64 result = 0;
    for (int kind = 0; kind < 3; kind++) {
        u64 n = load(input, length);
        if (kind == 0)
            insertion(work, (int)n);
        else if (kind == 1)
            quick(work, 0, (int)n - 1);
        else
            heap(work, (int)n);
        for (u64 i = 0; i < n; i++)
            for (int b = 0; b < 4; b++)
                output[4 * i + b] = (u8)(work[i] >> (8 * b));
        result = result * 31 + digest(output, 4 * n);
    }
    return result;
}
