/* SPDX-License-Identifier: MIT */
/* product_tile.c: the register tile of the product.
 *
 * rows x vectors accumulators stay in registers for all k of a call. Each step loads `vectors`
 * vectors of B, broadcasts `rows` elements of A, and does a fused multiply-add in each accumulator.
 * An accumulator holds RMX_VL outputs, each with its own sequential-k accumulation, and nothing is
 * summed across accumulators: so the tile shape, the blocking and the instruction set do not show
 * in the result. Full tile on AVX2: 6 x 16, 12 FMA to 8 loads a step, which both FMA units sustain;
 * B comes from L1 (or L2), A from L1.
 *
 * There is one function for each shape: with rows and vectors constant the loops unroll and acc
 * becomes registers. */
#include "kernels/cpu/product.h"

#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#define MOST_VECTORS 8
#define LINE (RMX_VL < 16 ? 16 / RMX_VL : 1) /* vectors in a cache line */

/* ahead: also prefetch the lines to the right, which belong to the next tile where B is read in
 * place: its rows may be pages apart, which hardware does not prefetch. With one to three rows the
 * wide tiles read runs that are long enough for the hardware, and are bound by loads. */
static inline __attribute__((always_inline)) void tile(const int rows, const int vectors,
                                                       const bool ahead, int64_t k, const float *a,
                                                       int64_t is, int64_t ks, const float *b,
                                                       int64_t ldb, const float *in, int64_t ld_in,
                                                       float *out, int64_t ld_out)
{
    rmx_vec acc[RMX_TILE_ROWS][MOST_VECTORS];
    UNROLL for (int i = 0; i < rows; i++)
    {
        UNROLL for (int v = 0; v < vectors; v++)
        {
            acc[i][v] = in ? rmx_vec_load(in + i * ld_in + v * RMX_VL) : rmx_vec_zero();
        }
    }
    do { /* k >= 1. A loop that can be skipped made gcc move accumulators through memory. */
        rmx_vec row[MOST_VECTORS];
        UNROLL for (int v = 0; v < vectors; v++) row[v] = rmx_vec_load(b + v * RMX_VL);
        if (ahead) {
            UNROLL for (int v = 0; v < vectors; v += LINE)
            {
                __builtin_prefetch(b + (vectors + v) * RMX_VL);
            }
        }
        UNROLL for (int i = 0; i < rows; i++)
        {
            const rmx_vec x = rmx_vec_set(a[i * is]);
            UNROLL for (int v = 0; v < vectors; v++)
            {
                acc[i][v] = rmx_vec_fma(x, row[v], acc[i][v]);
            }
        }
        a += ks;
        b += ldb;
    } while (--k > 0);
    UNROLL for (int i = 0; i < rows; i++)
    {
        UNROLL for (int v = 0; v < vectors; v++)
        {
            rmx_vec_store(out + i * ld_out + v * RMX_VL, acc[i][v]);
        }
    }
}

/* The formatter takes the shapes for statements. */
/* clang-format off */
#define SHAPE(ROWS, VECTORS)                                                                  \
    static void strided_##ROWS##_##VECTORS(int64_t k, const float *a, int64_t is, int64_t ks, \
                                           const float *b, int64_t ldb, const float *in,      \
                                           int64_t ld_in, float *out, int64_t ld_out)         \
    {                                                                                         \
        tile(ROWS, VECTORS, (ROWS > 3), k, a, is, ks, b, ldb, in, ld_in, out, ld_out);        \
    }                                                                                         \
    static void packed_##ROWS##_##VECTORS(int64_t k, const float *a, int64_t is, int64_t ks,  \
                                          const float *b, int64_t ldb, const float *in,       \
                                          int64_t ld_in, float *out, int64_t ld_out)          \
    {                                                                                         \
        (void)is, (void)ks;                                                                   \
        tile(ROWS, VECTORS, false, k, a, 1, ROWS, b, ldb, in, ld_in, out, ld_out);            \
    }
#define SHAPES(ROWS) SHAPE(ROWS, 1) SHAPE(ROWS, 2)

SHAPES(1)
SHAPES(2)
SHAPES(3)
SHAPES(4)
SHAPE(1, 8) SHAPE(2, 4) SHAPE(3, 3) /* the wide ones */
#if RMX_TILE_ROWS > 4
SHAPES(5) SHAPES(6)
#endif
#if RMX_TILE_ROWS > 6
SHAPES(7) SHAPES(8) SHAPES(9) SHAPES(10) SHAPES(11) SHAPES(12)
#endif

#define KERNELS(KIND, ROWS, WIDE)                                    \
    {                                                                \
        KIND##_##ROWS##_1, KIND##_##ROWS##_2, KIND##_##ROWS##_##WIDE \
    }
#if RMX_TILE_ROWS > 6
#define MORE_KERNELS(KIND)                                                                \
    , KERNELS(KIND, 5, 2), KERNELS(KIND, 6, 2), KERNELS(KIND, 7, 2), KERNELS(KIND, 8, 2), \
        KERNELS(KIND, 9, 2), KERNELS(KIND, 10, 2), KERNELS(KIND, 11, 2), KERNELS(KIND, 12, 2)
#elif RMX_TILE_ROWS > 4
#define MORE_KERNELS(KIND) , KERNELS(KIND, 5, 2), KERNELS(KIND, 6, 2)
#else
#define MORE_KERNELS(KIND)
#endif
#define ALL_KERNELS(KIND)                                              \
    {                                                                  \
        KERNELS(KIND, 1, 8), KERNELS(KIND, 2, 4), KERNELS(KIND, 3, 3), \
            KERNELS(KIND, 4, 2) MORE_KERNELS(KIND)                     \
    }

rmx_tile *const RMX_CPU(product_tiles)[2][RMX_TILE_ROWS][3] = {ALL_KERNELS(strided),
                                                            ALL_KERNELS(packed)};
/* clang-format on */
