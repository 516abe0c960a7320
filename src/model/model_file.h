/* Which file of a model folder is the model. */
#ifndef DEEPECG_MODEL_MODEL_FILE_H
#define DEEPECG_MODEL_MODEL_FILE_H

#include "base/arena.h"
#include "base/reporter.h"

/* `path` itself where it is a file. In a folder: model.safetensors if there is one (Hugging Face's layout),
 * else the one .pt file that is not base_ssl.pt (the pre-training checkpoint that lies beside some models);
 * of several, the one named as the folder. A choice among several is reported. NULL and *err otherwise. */
char *model_file_find(arena *memory, const char *path, const reporter *r, error *err);

#endif
