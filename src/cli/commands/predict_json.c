#include "base/json_text.h"
#include "cli/commands/predict_output.h"
#include "cli/json_output.h"

#include <jansson.h>
#include <math.h>

/* JSON has no NaN. */
static json_t *number(double value) {
  return isfinite(value) ? json_real(value) : json_null();
}

static json_t *label_object(const ecg_answer *a, size_t model, const task_model *m, size_t label,
                            const operating_points *points) {
  double point = family_operating_point(m->family, points);
  return json_pack("{s:o, s:o, s:o}", "probability", number((double)a->probabilities[model][label]),
                   "operating_point", number(point), "called",
                   isnan(point) ? json_null() : json_boolean(predict_is_called(a, model, m, label, points)));
}

static json_t *model_object(const ecg_answer *a, size_t model, const task_model *m) {
  if (m->task->kind == TASK_BINARY)
    return label_object(a, model, m, 0, &m->task->points);
  json_t *object = json_object();
  for (size_t l = 0; object && l < LABEL_COUNT; l++)
    json_object_set_new(object, labels[l].name, label_object(a, model, m, l, &labels[l].points));
  return object;
}

static json_t *text_object(const ecg_answer *a) {
  if (!a->text)
    return json_null();
  json_t *object = json_object();
  for (size_t l = 0; object && l < LABEL_COUNT; l++)
    json_object_set_new(object, labels[l].name,
                        json_pack("{s:o, s:o}", "probability", number((double)a->text[l]), "stated",
                                  json_boolean((double)a->text[l] >= labels[l].bert_threshold)));
  return object;
}

static json_t *leads_object(const ecg_answer *a, ecg_lead_source source) {
  json_t *list = json_array();
  for (int lead = 0; list && lead < ECG_LEADS; lead++)
    if (a->source[lead] == source)
      json_array_append_new(list, json_string(ecg_lead_names[lead]));
  return list;
}

static json_t *answer_object(const ecg_answer *a, const prediction_options *options) {
  if (a->problem)
    return json_pack("{s:o, s:o}", "file", json_text(a->path), "problem", json_text(a->problem));
  json_t *models = json_object();
  for (size_t i = 0; models && i < options->model_count; i++)
    if (a->probabilities[i])
      json_object_set_new(models, task_model_id(&options->models[i]),
                          model_object(a, i, &options->models[i]));
  return json_pack("{s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "file", json_text(a->path),
                   "format", json_text(a->format_name), "sampling_rate_hz",
                   a->sampling_rate_hz > 0 ? json_real(a->sampling_rate_hz) : json_null(), "samples",
                   (json_int_t)a->samples, "microvolts_per_unit",
                   a->microvolts_per_unit > 0 ? json_real(a->microvolts_per_unit) : json_null(),
                   "stored_leads", leads_object(a, LEAD_STORED), "derived_leads",
                   leads_object(a, LEAD_DERIVED), "warning", json_text(a->warning), "statements",
                   json_text(a->statements), "models", models, "statement_labels", text_object(a));
}

static json_t *problems_object(const prediction *p, const prediction_options *options) {
  json_t *problems = json_object();
  for (size_t i = 0; problems && i < options->model_count; i++)
    if (p->model_problems[i])
      json_object_set_new(problems, task_model_id(&options->models[i]), json_text(p->model_problems[i]));
  if (problems && p->text_problem)
    json_object_set_new(problems, options->text_model, json_text(p->text_problem));
  return problems;
}

bool predict_print_json(const prediction *p, const prediction_options *options, error *err) {
  json_t *files = json_array();
  for (size_t i = 0; files && i < p->count; i++)
    json_array_append_new(files, answer_object(&p->answers[i], options));
  json_t *all = json_pack("{s:s, s:b, s:i, s:o, s:o}", "version", DEEPECG_VERSION, "demo_models", p->demo,
                          "cleaned_together", (int)p->answered, "files", files, "model_problems",
                          problems_object(p, options));
  return json_print(all, 9, err);
}
