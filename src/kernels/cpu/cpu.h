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

rmx_status RMX_CPU(product)(rmx_backend *, const rmx_product_args *);
rmx_status RMX_CPU(column_sum)(rmx_backend *, const rmx_column_sum_args *);
rmx_status RMX_CPU(softmax)(rmx_backend *, const rmx_softmax_args *);
rmx_status RMX_CPU(softmax_backward)(rmx_backend *, const rmx_softmax_backward_args *);
rmx_status RMX_CPU(mean)(rmx_backend *, const rmx_mean_args *);
rmx_status RMX_CPU(mean_backward)(rmx_backend *, const rmx_mean_backward_args *);
rmx_status RMX_CPU(norm)(rmx_backend *, const rmx_norm_args *);
rmx_status RMX_CPU(norm_backward)(rmx_backend *, const rmx_norm_backward_args *);
rmx_status RMX_CPU(token_mix)(rmx_backend *, const rmx_token_mix_args *);
rmx_status RMX_CPU(token_mixer)(rmx_backend *, const rmx_token_mixer_args *);
rmx_status RMX_CPU(token_mixer_backward)(rmx_backend *, const rmx_token_mixer_backward_args *);
rmx_status RMX_CPU(activation)(rmx_backend *, const rmx_activation_args *);
rmx_status RMX_CPU(activation_backward)(rmx_backend *, const rmx_activation_backward_args *);
rmx_status RMX_CPU(add)(rmx_backend *, const rmx_add_args *);
rmx_status RMX_CPU(dropout)(rmx_backend *, const rmx_dropout_args *);
rmx_status RMX_CPU(embedding_lookup)(rmx_backend *, const rmx_embedding_lookup_args *);
size_t RMX_CPU(embedding_sort_scratch)(int64_t samples, int64_t fields);
rmx_status RMX_CPU(embedding_sort)(rmx_backend *, const rmx_embedding_sort_args *);
rmx_status RMX_CPU(embedding_gradient)(rmx_backend *, const rmx_embedding_gradient_args *);
rmx_status RMX_CPU(loss)(rmx_backend *, const rmx_loss_args *);
rmx_status RMX_CPU(sigmoid)(rmx_backend *, const rmx_sigmoid_args *);
rmx_status RMX_CPU(optimizer)(rmx_backend *, const rmx_optimizer_args *);
rmx_status RMX_CPU(gradient_norm_sum_squares)(rmx_backend *,
                                              const rmx_gradient_norm_sum_squares_args *);
rmx_status RMX_CPU(gradient_norm_clip)(rmx_backend *, const rmx_gradient_norm_clip_args *);
rmx_status RMX_CPU(nonfinite)(rmx_backend *, const rmx_nonfinite_args *);

#endif /* RMX_CPU_H */
