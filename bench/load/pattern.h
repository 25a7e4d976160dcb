/*
 * What viewer and synthetic source agree on. The bytes that are sent have a period that fits no buffer's size, so that a
 * byte lost or doubled shows.
 */
#ifndef PATTERN_H
#define PATTERN_H

#include <stddef.h>
#include <stdint.h>

enum { PERIOD = 1000003, GREETING = 12, HANDSHAKE = 14, REQUEST = 10, KEY = 8 };

static inline void pattern_fill(unsigned char *into, size_t size)
{
    uint32_t x = 2463534242u;
    for (size_t i = 0; i < PERIOD && i < size; i++) {
        x ^= x << 13, x ^= x >> 17, x ^= x << 5;
        into[i] = (unsigned char)x;
    }
    for (size_t i = PERIOD; i < size; i++)
        into[i] = into[i - PERIOD];
}

#endif
