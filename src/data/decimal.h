/* SPDX-License-Identifier: MIT */
/* decimal.h: a number as people write it in tables. */
#ifndef RMX_DATA_DECIMAL_H
#define RMX_DATA_DECIMAL_H

#include <stdbool.h>

#define RMX_DECIMAL_BYTES 999 /* of the longest text that is taken for a number */

/* Reads [+-]digits[.digits][e[+-]digits], with blanks around it, to the nearest double. comma: the
 * decimal point is a comma. False for any other text: "nan", "inf" and hexadecimal digits are no
 * numbers. A number beyond the largest double gives an infinity. */
bool rmx_decimal_parse(const char *text, bool comma, double *out);

#endif /* RMX_DATA_DECIMAL_H */
