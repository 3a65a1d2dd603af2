/* score.c: a whole model: one sample has the same logit alone and among others. */
#include <stdio.h>
#include <string.h>

#include "rankmixer/model.h"

enum { ROWS = 100, FIELDS = 6 };

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

    rmx_context *ctx = NULL;
    rmx_model *model = NULL;
    if (rmx_context_create(NULL, &ctx, NULL, 0) != RMX_OK) return 1;
    const rmx_batch all = {.samples = ROWS, .sparse = ids};
    const rmx_batch last = {.samples = 1, .sparse = ids + (ROWS - 1) * FIELDS};
    const bool ok =
        rmx_model_create(ctx, &config, NULL, &model) == RMX_OK &&
        rmx_model_set_batch(model, &all) == RMX_OK && rmx_model_forward(model) == RMX_OK &&
        rmx_model_logits(model, many) == RMX_OK && rmx_model_set_batch(model, &last) == RMX_OK &&
        rmx_model_forward(model) == RMX_OK && rmx_model_logits(model, &alone) == RMX_OK;
    if (!ok)
        fprintf(stderr, "%s\n", rmx_last_error(ctx));
    else
        printf("%s\n%a alone\n%a in a batch of %d\n", rmx_context_describe(ctx), (double)alone,
               (double)many[ROWS - 1], ROWS);
    rmx_model_destroy(model);
    rmx_context_destroy(ctx);
    return !ok || memcmp(&alone, &many[ROWS - 1], sizeof alone) != 0;
}
