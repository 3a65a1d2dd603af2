/* SPDX-License-Identifier: MIT */
/* fuzz_schema.c: every JSON text is refused with words, or is a schema that is written as a text
 * which reads back as the same one. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "data/dataset_file.h"
#include "data/schema_json.h"
#include "mutating_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool good)
{
    if (!good) abort();
}

static bool read_schema(const json_t *json, rmx_schema *out)
{
    rmx_error error = {.text = ""};
    const rmx_status status = rmx_schema_from_json(json, "fuzz", out, &error);
    require(status == RMX_OK || (status == RMX_ERR_DATA && error.text[0]));
    return status == RMX_OK;
}

static void survive(const rmx_schema *s)
{
    rmx_schema again;
    rmx_error error = {.text = ""};
    require(rmx_schema_check(s, &error) == RMX_OK);
    json_t *json = rmx_schema_to_json(s);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    require(text != NULL);
    json_t *back = json_loads(text, 0, NULL);
    require(json_equal(json, back) && read_schema(back, &again));
    require(rmx_schema_hash(s) == rmx_schema_hash(&again));
    require(rmx_schema_match(s, "a", &again, "b", &error) == RMX_OK);
    rmx_schema_free(&again);
    json_decref(back);
    json_decref(json);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rmx_schema s;
    json_t *json = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(json)) {
        if (read_schema(json, &s)) {
            survive(&s);
            rmx_schema_free(&s);
        }
        mutant_mend_schema(json); /* chance would never meet it */
        if (read_schema(json, &s)) {
            survive(&s);
            rmx_schema_free(&s);
        }
    }
    json_decref(json);
    return 0;
}
