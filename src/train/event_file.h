/* SPDX-License-Identifier: MIT */
/* event_file.h: scalars for TensorBoard. Each record has a length, an Event message and their
 * masked CRC-32C. */
#ifndef RMX_TRAIN_EVENT_FILE_H
#define RMX_TRAIN_EVENT_FILE_H

#include <stdint.h>
#include <stdio.h>

#define RMX_EVENT_TAG_BYTES 256

/* Creates FOLDER/tensorboard/events.out.tfevents.TIME.HOST.PID. A start mark at `step` tells the
 * reader to ignore what other files hold beyond it. Returns NULL on failure. */
FILE *rmx_event_file_open(const char *folder, int64_t step);
/* Does nothing where events is NULL or the value is not finite. tag: shorter than
 * RMX_EVENT_TAG_BYTES. */
void rmx_event_scalar(FILE *events, int64_t step, const char *tag, double value);

#endif /* RMX_TRAIN_EVENT_FILE_H */
