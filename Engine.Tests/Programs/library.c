/* What a compiler may call although nobody wrote the call (GCC manual, "Standards"). Only guests need it: the host has its own. */
typedef unsigned long u64;

void *memcpy(void *to, const void *from, u64 length)
{
    char *t = to;
    const char *f = from;
    while (length--)
        *t++ = *f++;
    return to;
}

void *memmove(void *to, const void *from, u64 length)
{
    char *t = to;
    const char *f = from;
    if (t < f)
        return memcpy(to, from, length);
    while (length--)
        t[length] = f[length];
    return to;
}

void *memset(void *to, int value, u64 length)
{
    char *t = to;
    while (length--)
        *t++ = (char)value;
    return to;
}

int memcmp(const void *left, const void *right, u64 length)
{
    const unsigned char *l = left, *r = right;
    for (; length; length--, l++, r++)
        if (*l != *r)
            return *l - *r;
    return 0;
}
