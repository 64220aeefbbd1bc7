/* MD5 (RFC 1321) over whole blocks of one or of two messages at a time.
 *
 * Every step of MD5 waits for the one before it, so that one message keeps a processor busy less than
 * half of the time. A second, independent message fits into the gaps: two cost hardly more than one.
 *
 * Plain C without Python's headers, called through ctypes; padding and the order of calls are the
 * caller's.
 */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define BLOCK 64

static inline uint32_t word(const unsigned char *block, int index)
{
    const unsigned char *p = block + 4 * index;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint32_t value;
    memcpy(&value, p, sizeof value);
    return value;
#else
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
#endif
}

static inline uint32_t rotate(uint32_t value, int bits)
{
    return value << bits | value >> (32 - bits);
}

/* RFC 1321 3.4: F, G, H and I. The halves of G never have a bit in common, so that they can be added
 * one after the other, and the half that is known early does not wait for the other. */
#define F(a, b, c, d) a += (d) ^ ((b) & ((c) ^ (d)))
#define G(a, b, c, d) a += ~(d) & (c), a += (d) & (b)
#define H(a, b, c, d) a += (b) ^ (c) ^ (d)
#define I(a, b, c, d) a += (c) ^ ((b) | ~(d))

#define STEP(LOGIC, a, b, c, d, block, index, constant, bits)                                      \
    a += word(block, index) + constant;                                                            \
    LOGIC(a, b, c, d);                                                                             \
    a = rotate(a, bits) + (b)

#define ROW(EACH, L, i0, k0, i1, k1, i2, k2, i3, k3, s0, s1, s2, s3)                               \
    EACH(L, a, b, c, d, i0, k0##u, s0);                                                            \
    EACH(L, d, a, b, c, i1, k1##u, s1);                                                            \
    EACH(L, c, d, a, b, i2, k2##u, s2);                                                            \
    EACH(L, b, c, d, a, i3, k3##u, s3)

/* clang-format off */
#define ROUNDS(EACH)                                                                                    \
    ROW(EACH, F,  0, 0xd76aa478,  1, 0xe8c7b756,  2, 0x242070db,  3, 0xc1bdceee, 7, 12, 17, 22);       \
    ROW(EACH, F,  4, 0xf57c0faf,  5, 0x4787c62a,  6, 0xa8304613,  7, 0xfd469501, 7, 12, 17, 22);       \
    ROW(EACH, F,  8, 0x698098d8,  9, 0x8b44f7af, 10, 0xffff5bb1, 11, 0x895cd7be, 7, 12, 17, 22);       \
    ROW(EACH, F, 12, 0x6b901122, 13, 0xfd987193, 14, 0xa679438e, 15, 0x49b40821, 7, 12, 17, 22);       \
    ROW(EACH, G,  1, 0xf61e2562,  6, 0xc040b340, 11, 0x265e5a51,  0, 0xe9b6c7aa, 5,  9, 14, 20);       \
    ROW(EACH, G,  5, 0xd62f105d, 10, 0x02441453, 15, 0xd8a1e681,  4, 0xe7d3fbc8, 5,  9, 14, 20);       \
    ROW(EACH, G,  9, 0x21e1cde6, 14, 0xc33707d6,  3, 0xf4d50d87,  8, 0x455a14ed, 5,  9, 14, 20);       \
    ROW(EACH, G, 13, 0xa9e3e905,  2, 0xfcefa3f8,  7, 0x676f02d9, 12, 0x8d2a4c8a, 5,  9, 14, 20);       \
    ROW(EACH, H,  5, 0xfffa3942,  8, 0x8771f681, 11, 0x6d9d6122, 14, 0xfde5380c, 4, 11, 16, 23);       \
    ROW(EACH, H,  1, 0xa4beea44,  4, 0x4bdecfa9,  7, 0xf6bb4b60, 10, 0xbebfbc70, 4, 11, 16, 23);       \
    ROW(EACH, H, 13, 0x289b7ec6,  0, 0xeaa127fa,  3, 0xd4ef3085,  6, 0x04881d05, 4, 11, 16, 23);       \
    ROW(EACH, H,  9, 0xd9d4d039, 12, 0xe6db99e5, 15, 0x1fa27cf8,  2, 0xc4ac5665, 4, 11, 16, 23);       \
    ROW(EACH, I,  0, 0xf4292244,  7, 0x432aff97, 14, 0xab9423a7,  5, 0xfc93a039, 6, 10, 15, 21);       \
    ROW(EACH, I, 12, 0x655b59c3,  3, 0x8f0ccc92, 10, 0xffeff47d,  1, 0x85845dd1, 6, 10, 15, 21);       \
    ROW(EACH, I,  8, 0x6fa87e4f, 15, 0xfe2ce6e0,  6, 0xa3014314, 13, 0x4e0811a1, 6, 10, 15, 21);       \
    ROW(EACH, I,  4, 0xf7537e82, 11, 0xbd3af235,  2, 0x2ad7d2bb,  9, 0xeb86d391, 6, 10, 15, 21)
/* clang-format on */

#define LOAD(n, state)                                                                             \
    uint32_t a##n = state[0], b##n = state[1], c##n = state[2], d##n = state[3]
#define STORE(n, state) state[0] = a##n, state[1] = b##n, state[2] = c##n, state[3] = d##n
#define KEEP(n) const uint32_t a##n##_ = a##n, b##n##_ = b##n, c##n##_ = c##n, d##n##_ = d##n
#define ADD(n) a##n += a##n##_, b##n += b##n##_, c##n += c##n##_, d##n += d##n##_

#define FIRST(L, a, b, c, d, i, k, s) STEP(L, a##1, b##1, c##1, d##1, first, i, k, s)
#define BOTH(L, a, b, c, d, i, k, s)                                                               \
    FIRST(L, a, b, c, d, i, k, s);                                                                 \
    STEP(L, a##2, b##2, c##2, d##2, second, i, k, s)

void s2fetch_md5_one(uint32_t state[4], const unsigned char *first, size_t blocks)
{
    LOAD(1, state);
    for (; blocks > 0; blocks--, first += BLOCK) {
        KEEP(1);
        ROUNDS(FIRST);
        ADD(1);
    }
    STORE(1, state);
}

void s2fetch_md5_two(uint32_t state[4], const unsigned char *first, uint32_t other[4],
                     const unsigned char *second, size_t blocks)
{
    LOAD(1, state);
    LOAD(2, other);
    for (; blocks > 0; blocks--, first += BLOCK, second += BLOCK) {
        KEEP(1);
        KEEP(2);
        ROUNDS(BOTH);
        ADD(1);
        ADD(2);
    }
    STORE(1, state);
    STORE(2, other);
}
