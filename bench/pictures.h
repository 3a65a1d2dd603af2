/* SPDX-License-Identifier: MIT */
/* pictures.h: the lines of results as pictures, by gnuplot. */
#ifndef RMX_BENCH_PICTURES_H
#define RMX_BENCH_PICTURES_H

#include "records.h"

/* Draws product.svg, token_mixer.svg, block.svg, step.svg and memory_bound.svg into a folder that
 * exists, and the same as png. A picture is left out where none of its lines was measured, all are
 * where gnuplot is not installed; stderr says so. Returns false if gnuplot failed. */
bool pictures_draw(const records *all, const char *folder, bool png);

extern const char *const pictures_script[]; /* the lines of pictures.gp; NULL at the end */

#endif /* RMX_BENCH_PICTURES_H */
