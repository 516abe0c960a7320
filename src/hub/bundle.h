/* Model folders in one tar file, for machines without a way to the hub. */
#ifndef DEEPECG_HUB_BUNDLE_H
#define DEEPECG_HUB_BUNDLE_H

#include "base/reporter.h"
#include "hub/model_files.h"

#include <signal.h>

/* Write complete model folders into a tar file, which appears whole or not at all: per model its manifest
 * (made from the files where the folder has none) and the files that the program needs. Every byte is checked
 * against the manifest. The same files give the same tar. cancelled may be NULL. */
bool bundle_write(const char *path, const char *weights_folder, const char *const *models, size_t count,
                  const reporter *r, const volatile sig_atomic_t *cancelled, error *err);

/* What bundle_read found, in the order of the tar. */
typedef struct bundle_contents {
  size_t count;
  const char *models[MAX_PUBLISHED_MODELS];
  bool kept[MAX_PUBLISHED_MODELS]; /* the folder was complete before and was not touched */
} bundle_contents;

/* Put the models of a tar (all, or those named in models[0..count)) into the weights folder. An entry is
 * taken when its last two components are a model and a file that the model may need; other files are skipped.
 * Links, devices, absolute names and names with `..` anywhere in the tar, a model that is not complete or not
 * as its manifest says, a model that was asked for and is not there: nothing is put anywhere. */
bool bundle_read(const char *path, const char *weights_folder, const char *const *models, size_t count,
                 const reporter *r, const volatile sig_atomic_t *cancelled, bundle_contents *contents,
                 error *err);

#endif
