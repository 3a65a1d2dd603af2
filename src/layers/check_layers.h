/* SPDX-License-Identifier: MIT */
/* check_layers.h: checks of descriptors that several layers share. */
#ifndef RMX_LAYERS_CHECK_LAYERS_H
#define RMX_LAYERS_CHECK_LAYERS_H

#include "layers/check.h"
#include "rankmixer/attention.h"
#include "rankmixer/dropout.h"
#include "rankmixer/feed_forward.h"
#include "rankmixer/tokenizer.h"

/* heads >= 1 and divides width. */
rmx_status rmx_check_heads(rmx_context *ctx, int32_t heads, int32_t width);
/* samples, tokens and width of an activation [samples, tokens, width]; *count its elements. */
rmx_status rmx_check_tokens(rmx_context *ctx, int64_t samples, int32_t tokens, int32_t width,
                            int64_t *count);
/* The whole desc; rmx_check_feed_forward_desc looks at dropout's numbers, but not for its step. */
rmx_status rmx_check_dropout(rmx_context *ctx, const rmx_dropout_desc *desc);
rmx_status rmx_check_feed_forward_desc(rmx_context *ctx, const rmx_feed_forward_desc *desc);
rmx_status rmx_check_attention_desc(rmx_context *ctx, const rmx_attention_desc *desc);
rmx_status rmx_check_tokenizer_desc(rmx_context *ctx, const rmx_tokenizer_desc *desc);

#endif /* RMX_LAYERS_CHECK_LAYERS_H */
