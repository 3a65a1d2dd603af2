/* score.c: a whole model. One sample has the same logit alone and among others. */
#include <stdio.h>
#include <string.h>

#include "rankmixer/model.h"

enum { ROWS = 100, FIELDS = 6 };

static rmx_status score(rmx_model *model, int64_t samples, const uint32_t *ids, float *logits)
{
    const rmx_batch batch = {.samples = samples, .sparse = ids};
    rmx_status status = rmx_model_set_batch(model, &batch);
    if (status == RMX_OK) status = rmx_model_forward(model);
    return status == RMX_OK ? rmx_model_logits(model, logits) : status;
}

int main(void)
{
    const int64_t vocabulary[FIELDS] = {1000, 1000, 1000, 1000, 1000, 1000};
    const rmx_model_config config = {.tokens = 4,
                                     .width = 32,
                                     .layers = 2,
                                     .expansion = 4,
                                     .embedding_width = 8,
                                     .sparse_fields = FIELDS,
                                     .vocabulary = vocabulary,
                                     .tasks = 1,
                                     .batch = ROWS};
    uint32_t ids[ROWS * FIELDS];
    for (uint32_t i = 0; i < ROWS * FIELDS; i++) ids[i] = i * 2654435761u % 1000;
    float many[ROWS], alone = 0;

    char why[256];
    rmx_context *ctx = NULL;
    if (rmx_context_create(NULL, &ctx, why, sizeof why) != RMX_OK) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    rmx_model *model = NULL;
    rmx_status status = rmx_model_create(ctx, &config, NULL, &model);
    if (status == RMX_OK) status = score(model, ROWS, ids, many);
    if (status == RMX_OK) status = score(model, 1, ids + (ROWS - 1) * FIELDS, &alone);
    if (status != RMX_OK)
        fprintf(stderr, "%s\n", rmx_last_error(ctx));
    else
        printf("%s\n%a alone\n%a in a batch of %d\n", rmx_context_describe(ctx), (double)alone,
               (double)many[ROWS - 1], ROWS);
    rmx_model_destroy(model);
    rmx_context_destroy(ctx);
    return status != RMX_OK || memcmp(&alone, &many[ROWS - 1], sizeof alone) != 0;
}
