/* SPDX-License-Identifier: MIT */
/* rankmixer.h: all public headers at once. */
#ifndef RANKMIXER_RANKMIXER_H
#define RANKMIXER_RANKMIXER_H

#include "rankmixer/attention.h"
#include "rankmixer/block.h"
#include "rankmixer/context.h"
#include "rankmixer/dropout.h"
#include "rankmixer/embedding.h"
#include "rankmixer/activation.h"
#include "rankmixer/norm.h"
#include "rankmixer/linear.h"
#include "rankmixer/loss.h"
#include "rankmixer/mean.h"
#include "rankmixer/model.h"
#include "rankmixer/optimizer.h"
#include "rankmixer/feed_forward.h"
#include "rankmixer/pooling.h"
#include "rankmixer/product.h"
#include "rankmixer/norm.h"
#include "rankmixer/schedule.h"
#include "rankmixer/softmax.h"
#include "rankmixer/status.h"
#include "rankmixer/tensor.h"
#include "rankmixer/token_mixer.h"
#include "rankmixer/tokenizer.h"
#include "rankmixer/version.h"

#endif /* RANKMIXER_RANKMIXER_H */
