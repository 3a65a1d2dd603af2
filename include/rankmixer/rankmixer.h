/* SPDX-License-Identifier: MIT */
/* rankmixer.h: all public headers at once.
 *
 * Structs: zero-initialise each one that you fill, best by naming fields: { .tokens = 16 }. A zero
 * in a field stands for its default, or for "none". A field without a default says its range, and a
 * zero outside it is refused by name.
 * A struct may grow in a minor version: by fields at its end, where a zero means what was before.
 * So a program's text stays valid, and keeps its meaning, for a whole major version. Its binary
 * belongs to the minor version whose headers it was compiled with, and the name of the shared
 * library has that version in it: compile it again for a newer one. No struct carries its size. */
#ifndef RANKMIXER_RANKMIXER_H
#define RANKMIXER_RANKMIXER_H

#include "rankmixer/activation.h"
#include "rankmixer/attention.h"
#include "rankmixer/block.h"
#include "rankmixer/context.h"
#include "rankmixer/dropout.h"
#include "rankmixer/embedding.h"
#include "rankmixer/feed_forward.h"
#include "rankmixer/linear.h"
#include "rankmixer/loss.h"
#include "rankmixer/mean.h"
#include "rankmixer/model.h"
#include "rankmixer/norm.h"
#include "rankmixer/optimizer.h"
#include "rankmixer/pooling.h"
#include "rankmixer/product.h"
#include "rankmixer/schedule.h"
#include "rankmixer/softmax.h"
#include "rankmixer/status.h"
#include "rankmixer/tensor.h"
#include "rankmixer/token_mixer.h"
#include "rankmixer/tokenizer.h"
#include "rankmixer/version.h"

#endif /* RANKMIXER_RANKMIXER_H */
