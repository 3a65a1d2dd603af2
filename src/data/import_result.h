/* SPDX-License-Identifier: MIT */
/* import_result.h: what an import tells about itself; for src/data only. */
#ifndef RMX_DATA_IMPORT_RESULT_H
#define RMX_DATA_IMPORT_RESULT_H

#include "data/import.h"
#include "data/import_output.h"
#include "data/table_rows.h"

/* Where the figures come from; borrowed. */
typedef struct rmx_import_state {
    const rmx_import_options *options;
    const rmx_table *table;
    const rmx_columns *columns;
    const rmx_bad_rows *bad;
    const rmx_schema *schema; /* tasks 0 before the write pass */
    const rmx_output *output; /* [outputs] */
    int32_t outputs;
    bool all_seen; /* a pass over all rows is complete */
    bool written;  /* so is the write pass */
} rmx_import_state;

/* Fills *out, which is empty, as far as the state goes. RMX_OK or RMX_ERR_MEMORY. */
RMX_NODISCARD rmx_status rmx_import_result_fill(rmx_import_result *out,
                                                const rmx_import_state *state, rmx_error *error);

#endif /* RMX_DATA_IMPORT_RESULT_H */
