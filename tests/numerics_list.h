/* SPDX-License-Identifier: MIT */
/* numerics_list.h: the functions of one argument in numerics.h and what is tested about each.
 *
 * X(name, bound, root_bound, sample, full)
 *   bound        largest error in ulp, over all floats
 *   root_bound   0, or: the exact result passes through zero between NUMERICS_ROOT_LOW and _HIGH.
 *                There the error is counted in units of 2^-27 instead, and this is its bound.
 *   sample, full checksums of the outputs for every NUMERICS_SAMPLE-th input, and for all inputs.
 *                They are the same for every compiler, every set of flags and on the GPU. Whoever
 *                changes a function on purpose enters what long_numerics then prints. */
#ifndef RMX_TESTS_NUMERICS_LIST_H
#define RMX_TESTS_NUMERICS_LIST_H

#define NUMERICS_SAMPLE 1009
#define NUMERICS_ROOT_LOW (-1.25f)
#define NUMERICS_ROOT_HIGH (-0.5f)

#define NUMERICS_LIST(X)                                                  \
    X(expf, 0.9, 0, 0x3f34ec8321b102da, 0x4ea217fbef97f77b)               \
    X(logf, 0.91, 0, 0xbf41e4b1faa3f0f7, 0xd4b7a02a6acc683b)              \
    X(log1pf, 0.94, 0, 0xd17423df35edd00d, 0x2f5172c561363bf0)            \
    X(erff, 1.1, 0, 0x1a39548fbeac3928, 0x691d189915593372)               \
    X(tanhf, 1.14, 0, 0x04f316ce872412b6, 0x07343ce3d77fdd82)             \
    X(sigmoidf, 1.49, 0, 0x64407d1019fe0085, 0x1b78d6df6db0aeb3)          \
    X(softplusf, 1.65, 0, 0x02ee5fd43030a85d, 0xe7e02d7ec056f514)         \
    X(gelu_erff, 6.63, 0, 0x3dd4ead3daca365d, 0x55639aae0bdd58cf)         \
    X(gelu_erf_gradf, 5.38, 9.65, 0xeefb2e292cdcd2dd, 0x6e29b07504140c91) \
    X(gelu_tanhf, 215, 0, 0xf96394ff93ac5c95, 0x153b9dcdb9416070)         \
    X(gelu_tanh_gradf, 210, 7.78, 0xc4a0fb68721d9631, 0x8f74cdf0d01aa892)

/* A sum over inputs that every output bit takes part in and no order of summation changes: the
 * output's bits, all NaNs made one, times an odd factor that depends on the input. */
#define NUMERICS_CHECKSUM_TERM(in_bits, out_bits)                                    \
    ((uint64_t)(((out_bits)&0x7fffffffu) > 0x7f800000u ? 0x7fc00000u : (out_bits)) * \
     ((((uint64_t)(in_bits)*2 + 1) * 0x9E3779B97F4A7C15u) >> 7 | 1))

#endif /* RMX_TESTS_NUMERICS_LIST_H */
