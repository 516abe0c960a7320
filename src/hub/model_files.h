/* Which models are published, and which files of a model's repository or folder the program needs. */
#ifndef DEEPECG_HUB_MODEL_FILES_H
#define DEEPECG_HUB_MODEL_FILES_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

enum { MAX_MODEL_FILES = 8, MAX_PUBLISHED_MODELS = 16 };

/* No model file is larger, by far. */
#define LARGEST_MODEL_FILE ((uint64_t)16 << 30)

/* The organisation that publishes the models. */
extern const char hub_organisation[];

/* The ids of all models that the pipeline can run: those of the tasks, then the default text model, then the
 * other text models. Returns their count; *usual of them, from the first on, are what `all` means. */
size_t published_models(const char *ids[MAX_PUBLISHED_MODELS], size_t *usual);

/* The id that `name` means, whatever its case, or NULL. */
const char *published_model(const char *name);

/* Indices into `names` (files in the folder or repository itself, without those of subfolders) of what the
 * model needs. A network for signals needs its .pt file: the one that is not base_ssl.pt; of several, the one
 * named as the model. A text model needs model.safetensors, config.json and vocab.txt, and where they are
 * there tokenizer_config.json and special_tokens_map.json. False with ERROR_NOT_FOUND when one is lacking,
 * with ERROR_USAGE when the .pt file is ambiguous. */
bool model_files_choose(const char *model, const char *const *names, size_t count,
                        size_t chosen[MAX_MODEL_FILES], size_t *chosen_count, error *err);

/* What the folder of a model must hold, in words. */
const char *model_files_wanted(const char *model);

#endif
