/* SPDX-License-Identifier: MIT */
/* plant.h: the planted model of synthetic data.
 *
 *   a(f, k) = +1 or -1      for id k of sparse field f; half of a field's ids each
 *   main    = sum over fields f                    of s_f   a(f, id_f)                / sqrt(Fs)
 *   cross   = sum over field pairs (f, g)          of s_fg  a(f, id_f) a(g, id_g)
 *           + sum over dense fields j with f(j)    of s_j   x_j a(f(j), id_f(j))
 *             all                                                              / sqrt(terms)
 *   logit   = base + strength (0.7 main + sqrt(0.51) cross)  [+ noise n]
 *   label   = uniform < sigmoid(logit)
 *
 * Every s is a fixed random sign. There are 3 Fs / 2 pairs, drawn at random among fields that
 * are not 2i and 2i+1, so that two fields which share a token of a usual layout are never a pair:
 * half of the logit is out of reach for a model whose tokens do not meet. A sign table of its own
 * for each field makes the same id mean opposite things in different fields, and so many unlike
 * pairs are more than one narrow feed-forward that all tokens share can hold.
 *
 * base is found by bisection so that the mean probability of the first 16384 training rows is
 * base_rate. Signs and pairs are words of rmx_random_word(seed, RMX_RANDOM_SYNTHETIC, step, e) with
 * steps below 16; row r of set v has step 16 + v and elements r * stride .. (r + 1) * stride - 1:
 * Fs ids, Fd values, group, click and 4 for noise, padded to a multiple of 4. */
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
