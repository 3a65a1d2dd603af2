/* SPDX-License-Identifier: MIT */
/* pictures.h: the lines of results as pictures, by gnuplot. */
#ifndef RMX_BENCH_PICTURES_H
#define RMX_BENCH_PICTURES_H

#include "records.h"

/* Draws product.svg, rows.svg, mixers.svg, block.svg and step.svg into a folder that exists, each
 * only where its group was run and has something to show, and the same as png. Where gnuplot is
 * not installed there are none. What is missing is said on stderr; false if gnuplot failed. */
bool pictures_draw(const records *all, const char *folder, bool png);

#endif /* RMX_BENCH_PICTURES_H */
