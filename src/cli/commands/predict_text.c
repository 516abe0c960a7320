#include "cli/commands/predict_output.h"

#include "cli/terminal.h"

#include <stdio.h>
#include <string.h>

enum { NAME_WIDTH = 52, VALUE_WIDTH = 14 };

/* A table of one row per finding, one column per family that has a model of that kind. */
typedef struct answer_page {
  const prediction_options *options;
  const predict_view *view;
  const ecg_answer *answer;
} answer_page;

static const char *const column_titles[FAMILY_COUNT] = {
    [FAMILY_WCR] = "WCR", [FAMILY_EFFICIENTNET] = "EfficientNet"};

bool predict_is_called(const ecg_answer *a, size_t model, const task_model *m, size_t label,
                       const operating_points *points) {
  return a->probabilities[model] &&
         (double)a->probabilities[model][label] >= family_operating_point(m->family, points);
}

/* The model of a family for a task, or -1 where it wasn't asked or gave nothing. */
static int model_for(const answer_page *page, const task_info *task, model_family family) {
  for (size_t i = 0; i < page->options->model_count; i++)
    if (page->options->models[i].task == task && page->options->models[i].family == family &&
        page->answer->probabilities[i])
      return (int)i;
  return -1;
}

static bool family_shown(const answer_page *page, model_family family, task_kind kind) {
  for (size_t t = 0; t < task_count; t++)
    if (tasks[t].kind == kind && model_for(page, &tasks[t], family) >= 0)
      return true;
  return false;
}

static void put_value(const answer_page *page, const task_info *task, model_family family, size_t label,
                      const operating_points *points) {
  int model = model_for(page, task, family);
  if (model < 0) {
    printf("%*s", VALUE_WIDTH, "");
    return;
  }
  bool called = predict_is_called(page->answer, (size_t)model, &page->options->models[model], label, points);
  const char *bold = called && page->view->style ? "\033[1m" : "", *plain = *bold ? "\033[0m" : "";
  printf("%s%*.3f %c%s", bold, VALUE_WIDTH - 2, (double)page->answer->probabilities[model][label],
         called ? '*' : ' ', plain);
}

static void put_heading(const answer_page *page, const char *name, task_kind kind, bool text) {
  printf("\n  %-*s", NAME_WIDTH, name);
  for (model_family f = 0; f < FAMILY_COUNT; f++)
    if (family_shown(page, f, kind))
      printf("%*s  ", VALUE_WIDTH - 2, column_titles[f]);
  puts(text ? "   machine's statement" : "");
}

/* ---- the binary tasks ---- */

static void put_binary_tasks(const answer_page *page) {
  bool heading = false;
  for (size_t t = 0; t < task_count; t++) {
    if (tasks[t].kind != TASK_BINARY ||
        (model_for(page, &tasks[t], FAMILY_WCR) < 0 && model_for(page, &tasks[t], FAMILY_EFFICIENTNET) < 0))
      continue;
    if (!heading)
      put_heading(page, "Risk and function", TASK_BINARY, false);
    heading = true;
    printf("    %-*s", NAME_WIDTH - 2, tasks[t].title);
    for (model_family f = 0; f < FAMILY_COUNT; f++)
      if (family_shown(page, f, TASK_BINARY))
        put_value(page, &tasks[t], f, 0, &tasks[t].points);
    putchar('\n');
  }
}

/* ---- the 77 findings ---- */

static const task_info *findings_task(void) {
  const task_info *task = tasks;
  while (task->kind != TASK_77_LABELS)
    task++;
  return task;
}

static bool stated(const ecg_answer *a, size_t label) {
  return a->text && (double)a->text[label] >= labels[label].bert_threshold;
}

/* How many of the models call the label, of how many. */
static int count_calls(const answer_page *page, size_t label, int *models) {
  int calls = 0;
  *models = 0;
  for (model_family f = 0; f < FAMILY_COUNT; f++) {
    int model = model_for(page, findings_task(), f);
    if (model < 0)
      continue;
    ++*models;
    calls += predict_is_called(page->answer, (size_t)model, &page->options->models[model], label,
                               &labels[label].points);
  }
  return calls;
}

static void put_label(const answer_page *page, size_t label) {
  int models, calls = count_calls(page, label, &models);
  printf("    %-*s", NAME_WIDTH - 2, labels[label].name);
  for (model_family f = 0; f < FAMILY_COUNT; f++)
    if (family_shown(page, f, TASK_77_LABELS))
      put_value(page, findings_task(), f, label, &labels[label].points);
  if (page->answer->text) {
    bool says = stated(page->answer, label), differs = models > 0 && calls != (says ? models : 0);
    printf("   %-3s%s", says ? "yes" : differs ? "no" : "", differs ? " !" : "");
  }
  putchar('\n');
}

static bool label_shown(const answer_page *page, size_t label) {
  int models;
  return page->view->all || count_calls(page, label, &models) > 0 || stated(page->answer, label);
}

static void put_findings(const answer_page *page) {
  bool any = page->answer->text || family_shown(page, FAMILY_WCR, TASK_77_LABELS) ||
             family_shown(page, FAMILY_EFFICIENTNET, TASK_77_LABELS);
  if (!any)
    return;
  put_heading(page, page->view->all ? "Findings" : "Findings above their operating point, or stated",
              TASK_77_LABELS, page->answer->text);
  bool done[LABEL_COUNT] = {false}; /* a label of two categories is shown in the first */
  for (size_t c = 0; c < CATEGORY_COUNT; c++) {
    bool heading = false;
    for (size_t i = 0; i < categories[c].label_count; i++) {
      size_t label = categories[c].labels[i];
      if (done[label] || !label_shown(page, label))
        continue;
      if (!heading)
        printf("  %s\n", categories[c].name);
      heading = done[label] = true;
      put_label(page, label);
    }
  }
}

/* ---- one file ---- */

static void put_leads(const ecg_answer *a) {
  int stored = 0;
  for (int lead = 0; lead < ECG_LEADS; lead++)
    stored += a->source[lead] == LEAD_STORED;
  printf(", %d stored leads", stored);
  const char *before = " (derived:";
  for (int lead = 0; lead < ECG_LEADS; lead++)
    if (a->source[lead] == LEAD_DERIVED) {
      printf("%s %s", before, ecg_lead_names[lead]);
      before = "";
    }
  if (!*before)
    putchar(')');
}

static void put_facts(const ecg_answer *a) {
  printf("  %s", a->format_name);
  if (a->sampling_rate_hz > 0)
    printf(", %g Hz, %.3g s", a->sampling_rate_hz, (double)a->samples / a->sampling_rate_hz);
  else
    printf(", %zu samples, rate not declared", a->samples);
  put_leads(a);
  if (a->microvolts_per_unit > 0)
    printf(", %g uV per unit\n", a->microvolts_per_unit);
  else
    puts(", unit not declared");
  if (*a->warning)
    printf("  Note: %s\n", a->warning);
  if (!*a->statements)
    return;
  fputs("  Machine's statement: ", stdout);
  terminal_print_copy(a->statements);
  putchar('\n');
}

static void put_answer(const answer_page *page) {
  const ecg_answer *a = page->answer;
  bool style = page->view->style;
  fputs(style ? "\033[1m" : "", stdout);
  terminal_print_copy(a->path);
  puts(style ? "\033[0m" : "");
  if (a->problem) {
    printf("  no answer: %s\n\n", a->problem);
    return;
  }
  put_facts(a);
  put_binary_tasks(page);
  put_findings(page);
  putchar('\n');
}

void predict_print_text(const prediction *p, const prediction_options *options, const predict_view *view) {
  bool text = false;
  for (size_t i = 0; i < p->count; i++) {
    put_answer(&(answer_page){options, view, &p->answers[i]});
    text = text || p->answers[i].text;
  }
  if (p->models_run)
    printf("* at or above the model's operating point%s\n",
           text ? "; ! a model and the machine's statement disagree" : "");
  puts(p->demo ? "Demo models, trained on synthetic ECGs only: this means nothing for a patient."
               : "For research. Not a medical device.");
}
