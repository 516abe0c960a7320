/* A model's folder under the weights folder, as it lies there. */
#ifndef DEEPECG_HUB_MODEL_FOLDER_H
#define DEEPECG_HUB_MODEL_FOLDER_H

#include "base/arena.h"
#include "hub/file_check.h"
#include "hub/manifest.h"

typedef enum folder_check {
  CHECK_SIZES, /* what a manifest says of sizes; quick */
  CHECK_HASHES /* and of hashes; reads every byte */
} folder_check;

/* Names of the files that the model needs, in `memory`; see model_files_choose for errors (ERROR_NOT_FOUND
 * too when there is no such folder). */
bool model_folder_list(const char *folder, const char *model, arena *memory,
                       const char *names[MAX_MODEL_FILES], size_t *count, error *err);

/* Is everything that the model needs there? With a manifest, its files must be as it says; files that were
 * put there by hand must not be empty or Git LFS pointers. False with *err: what is missing or damaged. */
bool model_folder_complete(const char *folder, const char *model, folder_check check, error *err);

/* Fill m->files[0..m->count) with the files of those names as they lie in the folder. */
bool manifest_fill(manifest *m, const char *folder, const char *const *names, arena *memory, error *err);

typedef enum file_place {
  PLACE_DONE, /* the file is there, byte for byte */
  PLACE_FREE, /* nothing, an empty file, a Git LFS pointer, or a file that the manifest lists */
  PLACE_TAKEN /* by a file that somebody else put there: it is not to be lost */
} file_place;

/* May a file with these facts be put under `name` into the folder? *err is set for PLACE_TAKEN. */
file_place model_file_place(const char *folder, const char *name, const file_facts *facts, arena *memory,
                            error *err);

/* Is there room for `bytes` more in the file system of a folder that exists? *err says how much there is. */
bool space_suffices(const char *folder, uint64_t bytes, error *err);

#endif
