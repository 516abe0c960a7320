/* Files of the table that exist and have no cleaned record of their own. Cleaned records are found by their
 * stem alone, so one that lies there may be another file's: of a file with the same stem, or of an earlier
 * run. (A file that is missing is none of these: by the published rule a row needs the cleaned record only.)
 */
#ifndef DEEPECG_PIPELINE_LOST_FILES_H
#define DEEPECG_PIPELINE_LOST_FILES_H

#include "base/arena.h"
#include "base/string_map.h"
#include "pipeline/input_table.h"

/* Zero-initialise; free with lost_files_free. Not thread-safe while it grows. */
typedef struct lost_files {
  arena *memory;
  string_map paths;
} lost_files;

bool lost_files_add(lost_files *lost, const char *path, error *err);

/* For an analysis of what an earlier run has cleaned: of the table's files that exist and have one stem all
 * but the first, as the cleaning has it. */
bool lost_files_of_table(lost_files *lost, const input_table *table, const char *ecg_signals_path,
                         error *err);

/* path_join(ecg_signals_path, name) */
bool lost_files_hold(const lost_files *lost, const char *path);

void lost_files_free(lost_files *lost);

#endif
