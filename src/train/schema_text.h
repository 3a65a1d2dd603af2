/* schema_text.h: what a model has to know of its data, as text in a checkpoint:
 *     sparse<TAB>name<TAB>vocabulary     dense<TAB>name     task<TAB>name
 * one field a line, in the order of rmx_schema. */
#ifndef RMX_TRAIN_SCHEMA_TEXT_H
#define RMX_TRAIN_SCHEMA_TEXT_H

#include "data/schema.h"

/* A string to free, or NULL: out of memory. */
char *rmx_schema_to_text(const rmx_schema *schema);
/* Text of unknown origin; free *out with rmx_schema_free. name stands for the file in messages.
 * Returns RMX_OK, RMX_ERR_DATA, RMX_ERR_MEMORY. */
RMX_NODISCARD rmx_status rmx_schema_from_text(const char *name, const char *text, rmx_schema *out,
                                              rmx_error *error);

#endif /* RMX_TRAIN_SCHEMA_TEXT_H */
