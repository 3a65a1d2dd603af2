/* SPDX-License-Identifier: MIT */
/* rmx-train: trains a ranker from a config. */
#include <argp.h>
#include <stdio.h>

#include "train/program.h"
#include "train/stop_signal.h"
#include "train/trainer.h"

enum { SETS_MAX = 256, KEY_DEVICE = 256, KEY_CHECK, KEY_PRINT, KEY_KEYS };

typedef struct arguments {
    const char *config, *resume;
    const char *sets[SETS_MAX];
    int32_t set_count, level;
    char device[64];
    bool check, print, keys;
} arguments;

static const struct argp_option options[] = {
    {"set", 's', "SECTION.KEY=VALUE", 0, "override a key of the config; may be repeated", 0},
    {"resume", 'r', "auto|never|PATH", 0,
     "go on from the newest checkpoint in run.dir if there is one (auto, the default), start "
     "anew and put an older run aside (never), or go on from a checkpoint",
     0},
    {"device", KEY_DEVICE, "auto|cpu|cuda", 0, "as --set run.device=...", 0},
    {"check-config", KEY_CHECK, NULL, 0, "check config, data and memory; write nothing", 0},
    {"print-config", KEY_PRINT, NULL, 0,
     "print the complete config with comments and leave; without CONFIG: all defaults", 0},
    {"print-keys", KEY_KEYS, NULL, 0, "print the table of keys in Markdown and leave", 0},
    {"quiet", 'q', NULL, 0, "warnings only", 0},
    {"verbose", 'v', NULL, 0, "every tensor and checkpoint", 0},
    {NULL, 0, NULL, 0, NULL, 0},
};

static void add_set(arguments *a, const char *set, struct argp_state *state)
{
    if (a->set_count == SETS_MAX) argp_error(state, "over %d times --set", SETS_MAX);
    a->sets[a->set_count++] = set;
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
    arguments *a = state->input;
    switch (key) {
    case 's': add_set(a, value, state); return 0;
    case 'r': a->resume = value; return 0;
    case KEY_DEVICE:
        snprintf(a->device, sizeof a->device, "run.device=%s", value);
        add_set(a, a->device, state);
        return 0;
    case KEY_CHECK: a->check = true; return 0;
    case KEY_PRINT: a->print = true; return 0;
    case KEY_KEYS: a->keys = true; return 0;
    case 'q': a->level = -1; return 0;
    case 'v': a->level = 1; return 0;
    case ARGP_KEY_ARG:
        if (a->config) argp_error(state, "one config at a time; '%s' is the second", value);
        a->config = value;
        return 0;
    case ARGP_KEY_END:
        if (!a->config && !a->keys && !a->print) argp_error(state, "no CONFIG.ini given");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    options,
    parse_option,
    "CONFIG.ini",
    "Trains a RankMixer ranker; the last line on stdout is a JSON object of results."
    "\vExample:\n  rmx-train configs/base.ini --set train.lr=0.002 --set run.dir=runs/faster\n\n"
    "SIGTERM or SIGINT saves a checkpoint and leaves with exit code 143; the same command goes "
    "on from there, with the same bits.\n\n"
    "Exit codes: 0 ok, 1 error, 2 usage or config, 3 data, 4 device or memory, 143 stopped.",
    NULL,
    NULL,
    NULL};

static rmx_status train(const arguments *a, const rmx_config *config, bool *stopped,
                        rmx_error *error)
{
    const rmx_trainer_options how = {.resume = a->resume, .check_only = a->check};
    rmx_progress progress;
    rmx_progress_init(&progress, a->level);
    rmx_stop_install();
    const rmx_status status = rmx_trainer_run(config, &how, &progress, stdout, stopped, error);
    rmx_progress_end(&progress);
    return status;
}

static rmx_status run(void *input, bool *stopped, rmx_error *error)
{
    const arguments *a = input;
    rmx_config config;
    if (a->keys) {
        rmx_config_print_keys(stdout);
        return RMX_OK;
    }
    rmx_status status =
        a->config ? rmx_config_read(a->config, a->sets, a->set_count, &config, error)
                  : rmx_config_parse("defaults", "", 0, a->sets, a->set_count, &config, error);
    if (status != RMX_OK) return status;
    if (a->print)
        rmx_config_print(&config, true, stdout);
    else
        status = train(a, &config, stopped, error);
    rmx_config_destroy(&config);
    return status;
}

int main(int argc, char **argv)
{
    static const rmx_program program = {"rmx-train", &parser, run};
    arguments a = {.resume = "auto"};
    return rmx_program_main(&program, argc, argv, &a);
}
