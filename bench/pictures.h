/* SPDX-License-Identifier: MIT */
/* pictures.h: the lines of results as pictures, by gnuplot. */
#ifndef RMX_BENCH_PICTURES_H
#define RMX_BENCH_PICTURES_H

#include "records.h"

/* Draws product.svg, memory_bound.svg, token_mixer.svg, block.svg and step.svg into a folder that
 * exists, and the same as png. A picture is left out where nothing of it was measured, all of them
 * where gnuplot is not installed; stderr says so. Returns false if gnuplot failed. */
bool pictures_draw(const records *all, const char *folder, bool png);

#endif /* RMX_BENCH_PICTURES_H */
