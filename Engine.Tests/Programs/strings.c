/* Text functions of our own: byte loads, sign extension, pointer comparison, small switches. */
#include "program.h"

static u64 length_of(const char *s)
{
    const char *p = s;
    while (*p)
        p++;
    return (u64)(p - s);
}

static int compare(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return (u8)*a - (u8)*b;
}

static const char *find(const char *s, const char *part)
{
    for (; *s; s++) {
        u64 i = 0;
        while (part[i] && s[i] == part[i])
            i++;
        if (!part[i])
            return s;
    }
    return 0;
}

static char *number(char *to, long value)
{
    char digits[24];
    int n = 0;
    u64 rest = value < 0 ? -(u64)value : (u64)value;
    do
        digits[n++] = (char)('0' + rest % 10);
    while (rest /= 10);
    if (value < 0)
        *to++ = '-';
    while (n)
        *to++ = digits[--n];
    *to = 0;
    return to;
}

static long parse(const char *s)
{
    int negative = *s == '-';
    u64 value = 0;
    for (s += negative; *s >= '0' && *s <= '9'; s++)
        value = value * 10 + (u64)(*s - '0');
    return (long)(negative ? -value : value);
}

static char rotate13(char c)
{
    switch (c) {
    case 'a' ... 'm':
    case 'A' ... 'M':
        return (char)(c + 13);
    case 'n' ... 'z':
    case 'N' ... 'Z':
        return (char)(c - 13);
    case '\t':
        return ' ';
    default:
        return c;
    }
}

static void reverse(char *s, u64 n)
{
    for (u64 i = 0; i < n / 2; i++) {
        char t = s[i];
        s[i] = s[n - 1 - i];
        s[n - 1 - i] = t;
    }
}

u64 program(const u8 *input, u64 length, u8 *output)
{
    static char text[2048], other[2048];
    static const char *const words[] = { "aba", "zz", "Qx", "", "the", "\xff", "m" };
    u64 n = length < 2047 ? length : 2047, result = 0;
    for (u64 i = 0; i < n; i++) {
        text[i] = input[i] % 3 ? (char)('a' + input[i] % 26) : (char)('A' + input[i] % 26);
        other[n - 1 - i] = rotate13(text[i]);
    }
    text[n] = other[n] = 0;
    for (u64 i = 0; i < sizeof words / sizeof *words; i++) {
        const char *at = find(text, words[i]);
        result = result * 131 + (at ? (u64)(at - text) : 9999) + length_of(words[i]);
        result += (u64)(long)compare(text + i, words[i]);
    }
    char *to = (char *)output;
    for (u64 i = 0; i + 8 <= n && i < 1600; i += 8) {
        long value = 0;
        for (int b = 0; b < 8; b++)
            value = (long)((u64)value << 8 | input[i + b]);
        value >>= input[i] & 63;
        char *end = number(to, value);
        result = result * 31 + (u64)(parse(to) == value);
        *end++ = ' ';
        to = end;
    }
    reverse(other, length_of(other));
    result += (u64)(long)compare(text, other);
    for (u64 i = 0; i <= n; i++)
        output[12000 + i] = (u8)other[i];
    return result ^ digest(output, OUTPUT_SIZE);
}
