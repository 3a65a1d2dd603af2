/* SPDX-License-Identifier: MIT */
/* cpu.h: what the CPU kernels share.
 *
 * Every kernel file in this folder is compiled once per instruction set (generic, avx2,
 * avx512) with RMX_CPU_CODE set to its name; RMX_CPU(f) gives each copy its own symbol, and
 * table.c makes each set's table. The source is the same, and so are the bits: vector units
 * only take independent outputs, or partial sums that numerics.h keeps apart, side by side. */
#ifndef RMX_CPU_H
#define RMX_CPU_H

#include "kernels/ops.h"
#include "kernels/cpu/threads.h"

#ifndef RMX_CPU_CODE
#define RMX_CPU_CODE generic
#endif
#define RMX_CPU_PASTE_(name, code) rmx_cpu_##name##_##code
#define RMX_CPU_PASTE(name, code) RMX_CPU_PASTE_(name, code)
#define RMX_CPU(name) RMX_CPU_PASTE(name, RMX_CPU_CODE)

/* The kernels of this instruction set; contracts in ops.h. */
extern const rmx_ops RMX_CPU(ops);

/* So that a search for rmx_cpu_norm finds it. */
#define rmx_cpu_embedding_sort_scratch RMX_CPU(embedding_sort_scratch)
#define rmx_cpu_product RMX_CPU(product)
#define rmx_cpu_column_sum RMX_CPU(column_sum)
#define rmx_cpu_softmax RMX_CPU(softmax)
#define rmx_cpu_softmax_backward RMX_CPU(softmax_backward)
#define rmx_cpu_mean RMX_CPU(mean)
#define rmx_cpu_mean_backward RMX_CPU(mean_backward)
#define rmx_cpu_norm RMX_CPU(norm)
#define rmx_cpu_norm_backward RMX_CPU(norm_backward)
#define rmx_cpu_token_mix RMX_CPU(token_mix)
#define rmx_cpu_token_mixer RMX_CPU(token_mixer)
#define rmx_cpu_token_mixer_backward RMX_CPU(token_mixer_backward)
#define rmx_cpu_activation RMX_CPU(activation)
#define rmx_cpu_activation_backward RMX_CPU(activation_backward)
#define rmx_cpu_add RMX_CPU(add)
#define rmx_cpu_dropout RMX_CPU(dropout)
#define rmx_cpu_embedding_lookup RMX_CPU(embedding_lookup)
#define rmx_cpu_embedding_sort RMX_CPU(embedding_sort)
#define rmx_cpu_embedding_gradient RMX_CPU(embedding_gradient)
#define rmx_cpu_loss RMX_CPU(loss)
#define rmx_cpu_sigmoid RMX_CPU(sigmoid)
#define rmx_cpu_optimizer RMX_CPU(optimizer)
#define rmx_cpu_gradient_norm_sum_squares RMX_CPU(gradient_norm_sum_squares)
#define rmx_cpu_gradient_norm_clip RMX_CPU(gradient_norm_clip)
#define rmx_cpu_nonfinite RMX_CPU(nonfinite)

#define RMX_SLOT(kernel) rmx_status RMX_CPU(kernel)(rmx_backend *, const rmx_##kernel##_args *);
RMX_KERNELS(RMX_SLOT)
#undef RMX_SLOT
size_t rmx_cpu_embedding_sort_scratch(int64_t samples, int64_t fields);

#endif /* RMX_CPU_H */
