/* SPDX-License-Identifier: MIT */
/* ceiling.c: see ceiling.h. */
#include "data/ceiling.h"

#include <math.h>
#include <stdlib.h>

#include "kernels/numerics.h"

rmx_status rmx_ceiling_create(rmx_ceiling *out, int64_t most, rmx_error *error)
{
    out->rows = out->positives = 0;
    out->most = most;
    out->key = malloc((size_t)most * sizeof *out->key + 1);
    if (!out->key)
        return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for the scores of %lld rows",
                        (long long)most);
    return RMX_OK;
}

void rmx_ceiling_destroy(rmx_ceiling *ceiling)
{
    free(ceiling->key);
    ceiling->key = NULL;
}

void rmx_ceiling_add(rmx_ceiling *ceiling, float score, uint8_t label)
{
    if (ceiling->rows == ceiling->most) return;
    const uint32_t bits = rmx_float_bits(rmx_addf(score, 0.0f)); /* -0 counts as +0 */
    const uint32_t order = bits >> 31 ? ~bits : bits | 0x80000000u;
    ceiling->key[ceiling->rows++] = (uint64_t)order << 1 | label;
    ceiling->positives += label;
}

static int by_key(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

double rmx_ceiling_auc(rmx_ceiling *ceiling)
{
    const int64_t negatives = ceiling->rows - ceiling->positives;
    if (ceiling->positives == 0 || negatives == 0) return (double)NAN;
    qsort(ceiling->key, (size_t)ceiling->rows, sizeof *ceiling->key, by_key);
    double twice = 0.0; /* pairs in order count 2 and ties 1: whole numbers, exact below 2^53 */
    int64_t below = 0;  /* negatives with a smaller score */
    for (int64_t i = 0; i < ceiling->rows;) {
        int64_t ups = 0, downs = 0;
        const uint64_t score = ceiling->key[i] >> 1;
        for (; i < ceiling->rows && ceiling->key[i] >> 1 == score; i++)
            if (ceiling->key[i] & 1)
                ups++;
            else
                downs++;
        twice += (double)(ups * (2 * below + downs));
        below += downs;
    }
    return twice / 2.0 / ((double)ceiling->positives * (double)negatives);
}
