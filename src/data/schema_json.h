/* SPDX-License-Identifier: MIT */
/* schema_json.h: a schema as JSON, in the index of a dataset and of a checkpoint; docs/formats.md
 * lists its members. The spec, rows and the fingerprint are kept elsewhere. */
#ifndef RMX_DATA_SCHEMA_JSON_H
#define RMX_DATA_SCHEMA_JSON_H

#include <jansson.h>

#include "data/schema.h"

/* NULL: out of memory, or a name that is no UTF-8. Bytes of the source that are no UTF-8 become
 * '?'. */
json_t *rmx_schema_to_json(const rmx_schema *schema);
/* Everything is checked. path: of the file, for errors. rows, spec and fingerprint are left empty.
 * RMX_OK, RMX_ERR_DATA, RMX_ERR_MEMORY; on failure *out holds nothing. */
RMX_NODISCARD rmx_status rmx_schema_from_json(const json_t *json, const char *path,
                                              rmx_schema *out, rmx_error *error);

#endif /* RMX_DATA_SCHEMA_JSON_H */
