/* SPDX-License-Identifier: MIT */
/* philox.h: random numbers that depend on what they are for, not on when they are drawn.
 *
 * Philox 4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC
 * 2011) maps a 128-bit counter and a 64-bit key to four 32-bit words. It has no state. So a draw
 * does not depend on threads, grid, batch or resumption.
 *
 * The library uses counter and key like this:
 *   key     = {seed low, seed high}
 *   counter = {element / 4 low, element / 4 high, step low, purpose << 24 | step bits 32 to 55}
 *   word    = output word (element % 4)
 * Words equal those of cuRAND's curand_Philox4x32_10 for the same counter and key. cuRAND's host
 * generator with offset 0 has words 4 q ... 4 q + 3 at counter {q / 65536, 0, q % 65536, 0}. */
#ifndef RMX_KERNELS_PHILOX_H
#define RMX_KERNELS_PHILOX_H

#include "kernels/numerics.h"

/* Checkpoints depend on these numbers: append new ones, up to 255, and never renumber. */
enum rmx_random_purpose {
    RMX_RANDOM_INIT = 0,
    RMX_RANDOM_DROPOUT = 1,
    RMX_RANDOM_SHUFFLE = 2,
    RMX_RANDOM_SYNTHETIC = 3
};

RMX_HD void rmx_philox4x32(const uint32_t ctr[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c0 = ctr[0], c1 = ctr[1], c2 = ctr[2], c3 = ctr[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        const uint64_t p0 = (uint64_t)0xD2511F53u * c0;
        const uint64_t p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* The four words of elements 4 quad to 4 quad + 3, for kernels that use all of them. */
RMX_HD void rmx_random_words4(uint64_t seed, uint32_t purpose, uint64_t step, uint64_t quad,
                              uint32_t out[4])
{
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    const uint32_t ctr[4] = {(uint32_t)quad, (uint32_t)(quad >> 32), (uint32_t)step,
                             purpose << 24 | ((uint32_t)(step >> 32) & 0xffffffu)};
    rmx_philox4x32(ctr, key, out);
}

/* The word of one element. step < 2^56, purpose < 2^8. */
RMX_HD uint32_t rmx_random_word(uint64_t seed, uint32_t purpose, uint64_t step, uint64_t element)
{
    uint32_t out[4];
    rmx_random_words4(seed, purpose, step, element / 4, out);
    /* These are selects because a GPU keeps an array that is indexed in memory. */
    const uint32_t low = (element & 1) != 0 ? out[1] : out[0];
    const uint32_t high = (element & 1) != 0 ? out[3] : out[2];
    return (element & 2) != 0 ? high : low;
}

/* The upper 24 bits of a word times 2^-24: exact, in [0, 1). */
RMX_HD float rmx_uniformf(uint32_t word) { return rmx_mulf((float)(word >> 8), 0x1p-24f); }

#endif /* RMX_KERNELS_PHILOX_H */
