/* SPDX-License-Identifier: MIT */
/* checkpoint_folder.c: the generations of a run: which there are, which is good, which go. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "train/checkpoint_format.h"

enum { DIGITS = 12 };

static void generation_path(const char *folder, int64_t step, char *out, size_t bytes)
{
    snprintf(out, bytes, "%s/step-%0*lld.h5", folder, DIGITS, (long long)step);
}

/* The step of "step-000000000100" followed by suffix, or -1. */
static int64_t step_of(const char *name, const char *suffix)
{
    const size_t head = strlen("step-");
    if (strncmp(name, "step-", head) || strspn(name + head, "0123456789") != DIGITS) return -1;
    if (strncmp(name + head + DIGITS, suffix, strlen(suffix))) return -1;
    return strtoll(name + head, NULL, 10);
}

static int ascending(const void *left, const void *right)
{
    const int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

rmx_status rmx_checkpoint_list(const char *folder, int64_t **steps, int32_t *count,
                               rmx_error *error)
{
    DIR *dir = opendir(folder);
    int32_t room = 0;
    *steps = NULL;
    *count = 0;
    if (!dir && errno == ENOENT) return RMX_OK;
    if (!dir) return rmx_fail(error, RMX_ERR_DATA, "%s: %s", folder, strerror(errno));
    for (const struct dirent *entry; (entry = readdir(dir));) {
        const int64_t step = step_of(entry->d_name, ".h5");
        if (step < 0 || strlen(entry->d_name) != strlen("step-") + DIGITS + strlen(".h5"))
            continue;
        if (*count == room) {
            room = room ? 2 * room : 16;
            int64_t *more = realloc(*steps, (size_t)room * sizeof **steps);
            if (!more) {
                free(*steps);
                *steps = NULL;
                closedir(dir);
                return rmx_fail(error, RMX_ERR_MEMORY, "out of memory");
            }
            *steps = more;
        }
        (*steps)[(*count)++] = step;
    }
    closedir(dir);
    if (*count) qsort(*steps, (size_t)*count, sizeof **steps, ascending);
    return RMX_OK;
}

rmx_status rmx_checkpoint_newest(const char *folder, char *path, size_t path_bytes,
                                 void (*refused)(void *user, const char *text), void *user,
                                 rmx_error *error)
{
    int64_t *steps;
    int32_t count;
    rmx_error why;
    path[0] = '\0';
    rmx_status status = rmx_checkpoint_list(folder, &steps, &count, error);
    if (status != RMX_OK || count == 0) return status;
    for (int32_t i = count - 1; i >= 0; i--) {
        generation_path(folder, steps[i], path, path_bytes);
        if (rmx_checkpoint_verify(path, &why) == RMX_OK) break;
        if (refused) refused(user, why.text);
        path[0] = '\0';
    }
    free(steps);
    if (path[0]) return RMX_OK;
    return rmx_fail(error, RMX_ERR_DATA,
                    "%s: none of the %d checkpoints can be used (%s); --resume never puts them "
                    "aside and starts anew",
                    folder, count, why.text);
}

void rmx_checkpoint_set_aside(const char *folder, int64_t step)
{
    char path[RMX_CHECKPOINT_PATH_MAX], aside[RMX_CHECKPOINT_PATH_MAX];
    int64_t *steps;
    int32_t count;
    if (rmx_checkpoint_list(folder, &steps, &count, NULL) != RMX_OK) return;
    for (int32_t i = 0; i < count; i++) {
        if (steps[i] <= step) continue;
        generation_path(folder, steps[i], path, sizeof path - 8);
        snprintf(aside, sizeof aside, "%s/step-%0*lld.h5.aside", folder, DIGITS,
                 (long long)steps[i]);
        rename(path, aside);
    }
    free(steps);
}

/* Files that a killed process left; those of a living one are its own business. */
static void remove_leftovers(const char *folder)
{
    DIR *dir = opendir(folder);
    char path[RMX_CHECKPOINT_PATH_MAX];
    if (!dir) return;
    for (const struct dirent *entry; (entry = readdir(dir));) {
        const char *mark = strstr(entry->d_name, ".h5.tmp.");
        if (!mark || step_of(entry->d_name, ".h5.tmp.") < 0) continue;
        const long pid = strtol(mark + strlen(".h5.tmp."), NULL, 10);
        if (pid <= 0 || pid == (long)getpid()) continue;
        if (kill((pid_t)pid, 0) == 0 || errno != ESRCH) continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        unlink(path);
    }
    closedir(dir);
}

/* best.h5 is a link, replaced in one move. A file system without links goes without. */
static void point_best(const char *folder, int64_t step)
{
    char target[64], link_path[RMX_CHECKPOINT_PATH_MAX], temporary[RMX_CHECKPOINT_PATH_MAX];
    snprintf(target, sizeof target, "step-%0*lld.h5", DIGITS, (long long)step);
    snprintf(link_path, sizeof link_path, "%s/best.h5", folder);
    snprintf(temporary, sizeof temporary, "%s/best.h5.tmp.%ld", folder, (long)getpid());
    unlink(temporary);
    if (symlink(target, temporary) != 0 || rename(temporary, link_path) != 0) unlink(temporary);
}

rmx_status rmx_checkpoint_save(const char *folder, rmx_checkpoint *checkpoint, int64_t keep,
                               char *path, size_t path_bytes, rmx_error *error)
{
    char place[RMX_CHECKPOINT_PATH_MAX];
    int64_t *steps;
    int32_t count;
    const int64_t best = checkpoint->state.best_step;
    generation_path(folder, checkpoint->state.step, place, sizeof place);
    remove_leftovers(folder);
    rmx_status status = rmx_checkpoint_write(place, checkpoint, error);
    if (status != RMX_OK) return status;
    if (path) snprintf(path, path_bytes, "%s", place);
    if (best > 0) point_best(folder, best);
    if ((status = rmx_checkpoint_list(folder, &steps, &count, error)) != RMX_OK) return status;
    for (int32_t i = 0; i < count - keep; i++) {
        if (steps[i] == best || steps[i] == checkpoint->state.step) continue;
        generation_path(folder, steps[i], place, sizeof place);
        unlink(place);
    }
    free(steps);
    return RMX_OK;
}
