/* What was put into a model's folder and from where: a small file beside the model's own, so that a file that
 * was cut or changed later is noticed. */
#ifndef DEEPECG_HUB_MANIFEST_H
#define DEEPECG_HUB_MANIFEST_H

#include "base/arena.h"
#include "hub/model_files.h"

#include <stdint.h>

/* In the folder of the model. */
extern const char manifest_name[];

enum { LARGEST_MANIFEST = 1 << 16 };

typedef struct manifest_file {
  const char *name; /* a plain name */
  uint64_t size;
  const char *sha256; /* 64 hex digits */
} manifest_file;

typedef struct manifest {
  const char *repo, *revision, *commit; /* "" where not known */
  size_t count;
  manifest_file files[MAX_MODEL_FILES];
} manifest;

/* Read and check the manifest of a folder; texts live in `memory`. ERROR_NOT_FOUND when there is none. */
bool manifest_read(manifest *m, const char *folder, arena *memory, error *err);

/* The same for bytes from elsewhere; `name` is for messages. */
bool manifest_parse(manifest *m, const char *name, const char *text, size_t size, arena *memory, error *err);

/* Write it, whole or not at all. */
bool manifest_write(const manifest *m, const char *folder, error *err);

/* The text of the file; free with free(). NULL when memory is out. */
char *manifest_text(const manifest *m, error *err);

/* The entry of that name, or NULL. */
const manifest_file *manifest_find(const manifest *m, const char *name);

#endif
