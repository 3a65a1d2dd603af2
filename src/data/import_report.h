/* SPDX-License-Identifier: MIT */
/* import_report.h: what rmx-data import prints about an import. */
#ifndef RMX_DATA_IMPORT_REPORT_H
#define RMX_DATA_IMPORT_REPORT_H

#include "data/import.h"

/* On stderr: bad rows by reason and column, always; warnings, unless they are silenced. */
void rmx_import_warn(const rmx_import_options *options, const rmx_import_result *result);
/* On stdout: what was written. */
void rmx_import_report(const rmx_import_options *options, const rmx_import_result *result);
/* One line for the labels of a task: "120 positive (26.7 %), 330 negative, 3 without a label". */
void rmx_labels_print(const rmx_label_count *count);

#endif /* RMX_DATA_IMPORT_REPORT_H */
