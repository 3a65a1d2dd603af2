/* SPDX-License-Identifier: MIT */
/* mutating_parts.h: a container taken apart; for tests/mutating*.c. */
#ifndef RMX_MUTATING_PARTS_H
#define RMX_MUTATING_PARTS_H

#include <jansson.h>

#include "data/container_head.h"
#include "mutating.h"

typedef struct mutant_parts {
    rmx_container_head head;
    char kind[32]; /* "": the head cannot be read */
    int version;
    bool inside;   /* the index lies within the file */
    json_t *index; /* NULL where it cannot be parsed */
} mutant_parts;

mutant_parts mutant_take_apart(const mutant *m);
/* The bytes of the array called name, and its entry in the index where that is not NULL; NULL where
 * they are not in the file. */
unsigned char *mutant_array(mutant *m, const json_t *index, const char *name, size_t *bytes,
                            json_t **entry);
void mutant_put_index(mutant *m, mutant_parts *p); /* may move it to the end */
void mutant_put_head(mutant *m, const mutant_parts *p);

/* Makes the hash over the encodings of a schema's JSON right. */
void mutant_mend_schema(json_t *schema);

#endif /* RMX_MUTATING_PARTS_H */
