/* How file names of the table become paths, and how the outputs are called. */
#ifndef DEEPECG_PIPELINE_PATHS_H
#define DEEPECG_PIPELINE_PATHS_H

#include "base/arena.h"
#include "base/buffer.h"

/* folder/name; a name that begins with '/' stands for itself (as os.path.join has it). */
char *path_join(arena *memory, const char *folder, const char *name, error *err);

/* The same in place of what `path` held. */
bool path_join_into(buffer *path, const char *folder, const char *name, error *err);

/* The name without folders and without its last extension: "ward/a.b.xml" -> "a.b". Never holds a '/'. */
char *path_stem(arena *memory, const char *name, error *err);

/* {preprocessing_folder}/{stem}.base64 */
char *preprocessed_path(arena *memory, const char *preprocessing_folder, const char *stem, error *err);

bool path_exists(const char *path);

#endif
