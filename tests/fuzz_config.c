/* SPDX-License-Identifier: MIT */
/* fuzz_config.c: every text is refused with words, or prints to a config that is read as the same
 * one. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "train/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool good)
{
    if (!good) abort();
}

static rmx_status parse(const char *text, size_t bytes, rmx_config *out)
{
    rmx_error error = {.text = ""};
    const rmx_status status = rmx_config_parse("fuzz", text, bytes, NULL, 0, out, &error);
    require(status == RMX_OK || status == RMX_ERR_ARGUMENT);
    require(status == RMX_OK || error.text[0]);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rmx_config config, again;
    char names[512], *text = malloc(size + 1);
    require(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    if (parse(text, size, &config) == RMX_OK) {
        char *first = rmx_config_to_text(&config, false);
        require(first != NULL);
        require(parse(first, strlen(first), &again) == RMX_OK);
        char *second = rmx_config_to_text(&again, false);
        require(second != NULL && strcmp(first, second) == 0);
        require(rmx_config_differences(&config, &again, names, sizeof names) == 0);
        rmx_config_destroy(&again);
        free(first);
        free(second);
    }
    rmx_config_destroy(&config);
    free(text);
    return 0;
}
