/* whole_file.h: a file appears under its name whole, or not at all. */
#ifndef RMX_DATA_WHOLE_FILE_H
#define RMX_DATA_WHOLE_FILE_H

#include "core/error.h"

/* PATH.tmp.PID, to be freed; NULL where memory is out. */
char *rmx_temporary_name(const char *path);

/* fsyncs temporary, renames it to path, fsyncs the folder. The temporary file stays on failure. */
RMX_NODISCARD rmx_status rmx_put_in_place(const char *temporary, const char *path,
                                          rmx_error *error);

#endif /* RMX_DATA_WHOLE_FILE_H */
