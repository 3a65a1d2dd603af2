/* SPDX-License-Identifier: MIT */
/* plant.h: the planted model of synthetic data; docs/data.md has its formula and explains it.
 *
 * Bisection finds the base at which the mean probability of the first 16384 training rows is
 * base_rate. Signs and pairs are words of rmx_random_word(seed, RMX_RANDOM_SYNTHETIC, step, e) with
 * steps below 16. Row r of set v has step 16 + v and the elements r * stride to
 * (r + 1) * stride - 1: Fs ids, Fd values, group, click and 4 for noise, padded to a multiple
 * of 4. */
#ifndef RMX_DATA_PLANT_H
#define RMX_DATA_PLANT_H

#include "data/synthetic.h"

#define RMX_PLANT_CALIBRATION_ROWS 16384

typedef struct rmx_pair {
    int32_t f, g;
    float sign;
} rmx_pair;

struct rmx_synthetic {
    rmx_synthetic_config config;
    uint32_t *ladder; /* [vocabulary - 1]: id k where ladder[k-1] <= word < ladder[k] */
    int8_t *latent;   /* [Fs, vocabulary] */
    float *main_sign; /* [Fs] */
    rmx_pair *pair;   /* [pairs], then [Fd]: sparse f with dense g */
    int32_t pairs;
    float base, main_scale, cross_scale;
};

#endif /* RMX_DATA_PLANT_H */
