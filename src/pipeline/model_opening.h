/* A model of the run, opened by a thread of its own while others compute. */
#ifndef DEEPECG_PIPELINE_MODEL_OPENING_H
#define DEEPECG_PIPELINE_MODEL_OPENING_H

#include "model/text_model.h"
#include "pipeline/message_log.h"
#include "pipeline/pipeline.h"
#include "tasks/tasks.h"

#include <pthread.h>

/* Zero-initialise but for the first four; start, wait, clear. One thread at a time calls these. */
typedef struct model_opening {
  const pipeline_options *options;
  const char *id;        /* its folder's name */
  const task_info *task; /* NULL: the text model */
  model_family family;
  /* When it is open: one of the two models, and what the run's report says of it. */
  bool opened;
  model *network;
  text_model *text;
  model_use use;
  error problem;   /* why it could not be opened */
  message_log log; /* what the opening had to say */
  double seconds;
  bool started, running;
  pthread_t thread;
} model_opening;

/* Begin to open the model of options, id, task and family, which are set. Does nothing if that was done
 * before. */
void model_opening_start(model_opening *o);

/* Wait until it is open; false: it could not be, or is of another kind or size than the task wants. */
bool model_opening_wait(model_opening *o);

/* Close the model, if it is open; identity and log stay. */
void model_opening_close(model_opening *o);

/* Free everything, a checksum that nobody has taken over included. */
void model_opening_clear(model_opening *o);

#endif
