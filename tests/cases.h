/* SPDX-License-Identifier: MIT */
/* cases.h: one table of cases for each noun, in cases_rows.h, cases_products.h and
 * cases_features.h. Plain data: the tests check every backend, the gradients and the golden values
 * on these shapes, and a benchmark may take its shapes from here.
 *
 * The last fields of a case have the same meaning everywhere:
 *   gradients   the layer's gradients are compared with finite differences; for small shapes
 *   golden      the case of tests/golden/golden.h5 that has this shape: its layer is compared with
 *               the values there; NULL: there is none */
#ifndef RMX_CASES_H
#define RMX_CASES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CASES(table) ((int)(sizeof(table) / sizeof *(table)))
#define NEITHER false, NULL /* gradients, golden */

#endif /* RMX_CASES_H */
