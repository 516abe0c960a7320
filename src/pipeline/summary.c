#include "pipeline/summary.h"

#include "base/arena.h"
#include "base/atomic_file.h"
#include "base/json_text.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void summary_add_stage(run_summary *summary, double seconds, const char *format, ...) {
  if (summary->stage_count == MAX_STAGES)
    return;
  stage_time *stage = &summary->stages[summary->stage_count++];
  stage->seconds = seconds;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(stage->name, sizeof stage->name, format, arguments);
  va_end(arguments);
}

void summary_add_model(run_summary *summary, model_use *use) {
  if (summary->model_count == MAX_MODEL_USES)
    return;
  summary->models[summary->model_count++] = *use;
  use->hash = NULL;
}

void summary_finish(run_summary *summary, bool interrupted) {
  for (int i = 0; i < summary->model_count; i++) {
    model_use *use = &summary->models[i];
    if (use->hash && interrupted)
      file_hash_cancel(use->hash);
    else if (use->hash)
      file_hash_finish(use->hash, &use->sha256, NULL);
    use->hash = NULL;
  }
}

static json_t *options_json(const pipeline_options *o) {
  return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:b, s:b, s:b, s:b, s:s, s:i, s:i, s:i, s:I}",
                   "mode", pipeline_mode_names[o->mode], "data_path", json_text(o->data_path),
                   "ecg_signals_path", json_text(o->ecg_signals_path), "preprocessing_folder",
                   json_text(o->preprocessing_folder), "output_folder", json_text(o->output_folder),
                   "weights_folder", json_text(o->weights_folder), "bert_model", o->bert_model, "precision",
                   precision_names[o->precision], "use_efficientnet", o->use_efficientnet, "use_wcr",
                   o->use_wcr, "predictions_only", o->predictions_only, "diagnosis_from_file",
                   o->diagnosis_from_file, "units", o->units == ECG_UNITS_PHYSICAL ? "physical" : "stored",
                   "batch_size", o->batch_size, "threads", o->threads, "preprocessing_n_workers",
                   o->preprocessing_n_workers, "batch_records", (json_int_t)o->batch_records);
}

static json_t *models_json(const run_summary *summary) {
  json_t *models = json_array();
  for (int i = 0; i < summary->model_count; i++) {
    const model_use *use = &summary->models[i];
    json_array_append_new(models, json_pack("{s:o, s:o, s:o, s:s, s:s, s:I}", "id", json_text(use->id),
                                            "file", json_text(use->path), "sha256",
                                            *use->sha256.hex ? json_string(use->sha256.hex) : json_null(),
                                            "kind", use->kind, "cpu_kernels", use->variant, "inputs",
                                            (json_int_t)use->inputs));
  }
  return models;
}

static json_t *stages_json(const run_summary *summary) {
  json_t *stages = json_array();
  for (int i = 0; i < summary->stage_count; i++)
    json_array_append_new(stages, json_pack("{s:o, s:f}", "stage", json_text(summary->stages[i].name),
                                            "seconds", summary->stages[i].seconds));
  return stages;
}

static json_t *errors_json(const error_list *errors) {
  json_t *lines = json_array();
  for (size_t i = 0; i < errors->count; i++)
    json_array_append_new(lines, json_text(errors->lines[i]));
  return lines;
}

static json_t *counts_json(const run_summary *s) {
  return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "files", (json_int_t)s->files, "missing_files",
                   (json_int_t)s->missing_files, "cleaned", (json_int_t)s->cleaned, "failed",
                   (json_int_t)s->failed, "with_warning", (json_int_t)s->warnings, "rows_predicted",
                   (json_int_t)s->rows_predicted, "result_files", (json_int_t)s->result_files);
}

bool summary_write(const run_summary *summary, const pipeline_options *options, const error_list *errors,
                   error *err) {
  json_t *root = json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "program", "deepecg", "version",
                           DEEPECG_VERSION, "stamp", summary->stamp, "options", options_json(options),
                           "counts", counts_json(summary), "models", models_json(summary), "stages",
                           stages_json(summary), "errors", errors_json(errors));
  char *text = root ? json_dumps(root, JSON_INDENT(4) | JSON_REAL_PRECISION(6)) : NULL;
  json_decref(root);
  arena *memory = text ? arena_create(err) : NULL;
  char *path =
      memory ? arena_printf(memory, err, "%s/%s_run.json", options->output_folder, summary->stamp) : NULL;
  bool ok = path ? atomic_file_save(path, ATOMIC_FILE_NEW, true, text, strlen(text), err)
                 : error_out_of_memory(err);
  arena_destroy(memory);
  free(text);
  return ok;
}
