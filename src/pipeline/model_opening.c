#include "pipeline/model_opening.h"

#include "base/clock.h"
#include "pipeline/paths.h"

#include <stdio.h>

static void identify(model_opening *o, const char *path, const char *kind, const char *variant) {
  model_use *use = &o->use;
  snprintf(use->id, sizeof use->id, "%s", o->id);
  snprintf(use->path, sizeof use->path, "%s", path);
  snprintf(use->kind, sizeof use->kind, "%s", kind);
  snprintf(use->variant, sizeof use->variant, "%s", variant);
  use->hash = file_hash_start(path, NULL);
}

static bool open_text_model(model_opening *o, const char *folder, const model_options *how,
                            const reporter *r) {
  text_model *m = o->text = text_model_open(folder, how, r, &o->problem);
  if (!m)
    return false;
  if (text_model_output_count(m) != LABEL_COUNT)
    return error_set(&o->problem, ERROR_DATA, "%s gives %zu logits per text; the task wants %d",
                     text_model_path(m), text_model_output_count(m), LABEL_COUNT);
  identify(o, text_model_path(m), text_model_kind(m), text_model_variant(m));
  return true;
}

static bool open_network(model_opening *o, const char *folder, const model_options *how, const reporter *r) {
  const model *m = o->network = model_open(folder, how, r, &o->problem);
  if (!m || !family_check_model(o->family, o->task, model_path(m), model_kind(m), model_output_count(m),
                                &o->problem))
    return false;
  identify(o, model_path(m), model_kind(m), model_variant(m));
  return true;
}

static void open_it(model_opening *o) {
  double start = clock_seconds();
  arena *memory = arena_create(&o->problem);
  char *folder = memory ? path_join(memory, o->options->weights_folder, o->id, &o->problem) : NULL;
  const model_options how = {
      .backend = "cpu", .threads = o->options->threads, .precision = o->options->precision};
  const reporter r = message_log_reporter(&o->log);
  o->opened = folder && (o->task ? open_network(o, folder, &how, &r) : open_text_model(o, folder, &how, &r));
  arena_destroy(memory);
  o->seconds = clock_seconds() - start;
}

static void *run(void *context) {
  open_it(context);
  return NULL;
}

void model_opening_start(model_opening *o) {
  if (o->started)
    return;
  o->started = true;
  o->running = pthread_create(&o->thread, NULL, run, o) == 0;
  if (!o->running) /* no thread to be had: it takes longer, no more */
    open_it(o);
}

bool model_opening_wait(model_opening *o) {
  if (o->running)
    pthread_join(o->thread, NULL);
  o->running = false;
  return o->opened;
}

void model_opening_close(model_opening *o) {
  model_close(o->network);
  text_model_close(o->text);
  o->network = NULL;
  o->text = NULL;
}

void model_opening_clear(model_opening *o) {
  model_opening_wait(o);
  model_opening_close(o);
  file_hash_cancel(o->use.hash);
  o->use.hash = NULL;
  message_log_free(&o->log);
}
