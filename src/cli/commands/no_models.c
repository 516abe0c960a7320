#include "cli/commands/no_models.h"

#include "cli/commands/command.h"
#include "prediction/prediction.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>

int say_no_models(const char *title, const char *weights_folder) {
  task_model all[TASK_MODELS_MAX];
  size_t count;
  error reason;
  DIR *folder = opendir(weights_folder);
  if (folder) {
    closedir(folder);
    error_set(&reason, ERROR_NOT_FOUND, "%s: no model is there", weights_folder);
  } else {
    error_set_errno(&reason, errno, "%s: no model is there", weights_folder);
  }
  fprintf(stderr, "%s: %s; a model is a folder in it:", title, reason.message);
  if (task_models_named("all", all, &count, NULL))
    for (size_t i = 0; i < count; i++)
      fprintf(stderr, " %s", task_model_id(&all[i]));
  fputc('\n', stderr);
  return EXIT_MODEL_MISSING;
}
