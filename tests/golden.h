/* SPDX-License-Identifier: MIT */
/* golden.h: reads tests/golden/golden.h5, float64 values and gradients computed elsewhere. */
#ifndef RMX_GOLDEN_H
#define RMX_GOLDEN_H

#include <stdbool.h>
#include <stdint.h>

#define GOLDEN_DIMS 8
#define GOLDEN_NAME 64
#define GOLDEN_CASES 16

typedef struct golden golden;

/* NULL, with a line on stderr, if the file cannot be read. */
golden *golden_open(const char *path);
void golden_close(golden *file);

/* Names of the cases of a group, "softmax/0", ...; returns their number. */
int golden_cases(golden *file, const char *group, char names[GOLDEN_CASES][GOLDEN_NAME]);

typedef struct golden_tensor {
    double *values; /* NULL: no such data set */
    float *floats;  /* the same, rounded */
    int64_t count;
    int32_t dims;
    int64_t shape[GOLDEN_DIMS];
} golden_tensor;

/* The file keeps ownership: valid until golden_close. */
golden_tensor golden_read(golden *file, const char *name, const char *tensor);
/* Aborts where there is no such attribute. */
int64_t golden_integer(golden *file, const char *name, const char *attribute);
double golden_number(golden *file, const char *name, const char *attribute);
bool golden_is(golden *file, const char *name, const char *attribute, const char *value);

/* How far fp32 values may be from the golden ones: every |got - want| <= k * 2^-24 * scale.
 * scale = 0 stands for max |want|. Prints the case and the worst element and returns false if
 * not; NaN and a missing tensor fail. */
bool golden_close_to(golden *file, const char *name, const char *tensor, const float *got,
                     double k, double scale);
double golden_max(const golden_tensor *t);

#endif /* RMX_GOLDEN_H */
