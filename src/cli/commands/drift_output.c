#include "cli/commands/drift_output.h"
#include "base/json_text.h"
#include "cli/json_output.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>

/* ---- text ---- */

static void put_area(const double area[DRIFT_SIDES]) {
  if (isnan(area[DRIFT_FP32]) || isnan(area[DRIFT_REDUCED]))
    printf("  %8s  %8s  %8s", "-", "-", "-");
  else
    printf("  %8.5f  %8.5f  %+8.5f", area[DRIFT_FP32], area[DRIFT_REDUCED],
           area[DRIFT_REDUCED] - area[DRIFT_FP32]);
}

static void put_model(const drift_model *m) {
  char changed[64];
  snprintf(changed, sizeof changed, "%zu of %zu", m->changed, m->calls);
  printf("  %-36s %7zu   %.2e  %.2e  %14s", m->id, m->records, m->largest, m->mean, changed);
  put_area(m->auc);
  putchar('\n');
}

static bool auc_changes(const drift_output *o) {
  return fabs(o->auc[DRIFT_REDUCED] - o->auc[DRIFT_FP32]) > 0; /* not where either is NaN */
}

/* Those labels whose calls or ranking change. */
static void put_labels(const drift_model *m) {
  if (m->output_count == 1 || m->largest <= 0)
    return;
  printf("\n  %s: the largest difference is that of %s", m->id, m->outputs[m->largest_output].name);
  if (m->auc_count)
    printf("; AUC is the mean of %zu labels, the largest change %.5f", m->auc_count, m->largest_auc_change);
  putchar('\n');
  for (size_t i = 0; i < m->output_count; i++) {
    const drift_output *o = &m->outputs[i];
    if (!o->changed && !auc_changes(o))
      continue;
    printf("    %-44s %.2e  %.2e  %4zu changed", o->name, o->largest, o->mean, o->changed);
    put_area(o->auc);
    putchar('\n');
  }
}

static void put_models(const drift *d, const char *name) {
  printf("\n  %-36s %7s   %18s  %14s  %8s  %8s  %8s\n", "", "", "difference of p", "", "AUC", "", "");
  printf("  %-36s %7s   %8s  %8s  %14s  %8s  %8s  %8s\n", "model", "records", "largest", "mean",
         "changed calls", "fp32", name, "change");
  for (size_t i = 0; i < d->model_count; i++)
    if (!d->models[i].problem)
      put_model(&d->models[i]);
  for (size_t i = 0; i < d->model_count; i++)
    if (!d->models[i].problem)
      put_labels(&d->models[i]);
}

static bool is_any_compared(const drift *d) {
  for (size_t i = 0; i < d->model_count; i++)
    if (!d->models[i].problem)
      return true;
  return false;
}

void drift_print_text(const drift *d, precision compared) {
  const char *name = precision_names[compared];
  printf("%s compared with fp32 on %zu ECGs", name, d->records - d->failed);
  if (d->failed)
    printf(" (%zu more can't be used)", d->failed);
  putchar('\n');
  if (is_any_compared(d))
    put_models(d, name);
  else
    puts("\n  no model could be compared");
  puts(d->demo ? "\nDemo models, trained on synthetic ECGs only: this says nothing of the published ones."
               : "\nFor research. Not a medical device.");
}

/* ---- JSON ---- */

/* JSON has no NaN. */
static json_t *number(double value) {
  return isfinite(value) ? json_real(value) : json_null();
}

static json_t *output_object(const drift_output *o, size_t records) {
  bool called = !isnan(o->point);
  return json_pack(
      "{s:f, s:f, s:o, s:o, s:o, s:I, s:o, s:o}", "largest", o->largest, "mean", o->mean, "operating_point",
      number(o->point), "calls", called ? json_integer((json_int_t)records) : json_null(), "changed_calls",
      called ? json_integer((json_int_t)o->changed) : json_null(), "labelled", (json_int_t)o->labelled,
      "auc_fp32", number(o->auc[DRIFT_FP32]), "auc", number(o->auc[DRIFT_REDUCED]));
}

static json_t *model_object(const drift_model *m) {
  if (m->problem)
    return json_pack("{s:o}", "problem", json_text(m->problem));
  json_t *outputs = json_object();
  for (size_t i = 0; outputs && i < m->output_count; i++)
    json_object_set_new(outputs, m->outputs[i].name, output_object(&m->outputs[i], m->records));
  return json_pack("{s:I, s:f, s:f, s:s, s:I, s:I, s:I, s:o, s:o, s:f, s:o}", "records",
                   (json_int_t)m->records, "largest", m->largest, "mean", m->mean, "largest_of",
                   m->outputs[m->largest_output].name, "calls", (json_int_t)m->calls, "changed_calls",
                   (json_int_t)m->changed, "auc_of", (json_int_t)m->auc_count, "auc_fp32",
                   number(m->auc[DRIFT_FP32]), "auc", number(m->auc[DRIFT_REDUCED]), "largest_auc_change",
                   m->largest_auc_change, "outputs", outputs);
}

bool drift_print_json(const drift *d, precision compared, error *err) {
  json_t *models = json_object(), *problems = json_array();
  for (size_t i = 0; models && i < d->model_count; i++)
    json_object_set_new(models, d->models[i].id, model_object(&d->models[i]));
  for (size_t i = 0; problems && i < d->failed; i++)
    json_array_append_new(problems, json_text(d->problems[i]));
  json_t *all =
      json_pack("{s:s, s:s, s:b, s:I, s:I, s:o, s:o}", "version", DEEPECG_VERSION, "precision",
                precision_names[compared], "demo_models", d->demo, "records", (json_int_t)d->records,
                "failed", (json_int_t)d->failed, "problems", problems, "models", models);
  return json_print(all, 9, err);
}
