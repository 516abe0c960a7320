#include "pipeline/survey.h"

#include "base/clock.h"
#include "base/string_map.h"
#include "ecg/formats/format.h"
#include "pipeline/file_list.h"
#include "pipeline/paths.h"
#include "pipeline/survey_models.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* Cleaning and writing cost about as much as reading, file by file. */
static const double passes = 2;

/* What reading one file told. */
typedef struct file_facts {
  const char *format; /* NULL: it can't be used */
  double sampling_rate_hz;
  size_t samples;
  bool warned;
  char *problem; /* malloc'ed */
} file_facts;

typedef struct surveyor {
  survey *s;
  const pipeline_options *options;
  const reporter *r;
  file_list files;
  file_facts *facts; /* by file */
  size_t done;
} surveyor;

static void read_facts(surveyor *v, size_t index, float *signal) {
  file_facts *f = &v->facts[index];
  const char *path = v->files.paths[index];
  ecg_record record;
  error reason;
  char warning[256] = "";
  bool ok = ecg_read_file(path, &record, NULL, &reason);
  if (ok) {
    f->sampling_rate_hz = record.sampling_rate_hz;
    f->samples = record.samples;
    ok = ecg_conform(&record, v->options->units, signal, warning, sizeof warning, &reason) ||
         error_prefix(&reason, "%s", path);
    f->warned = *warning || *record.warning;
    f->format = ok ? ecg_format_name(record.format) : NULL;
    ecg_record_clear(&record);
  }
  if (!ok)
    f->problem = strdup(reason.message);
}

static bool cancelled(const surveyor *v) {
  return v->options->cancelled && *v->options->cancelled;
}

static void count_file(surveyor *v) {
  size_t done;
#pragma omp atomic capture
  done = ++v->done;
  if (omp_get_thread_num() == 0 || done == v->files.count)
#pragma omp critical(deepecg_survey_progress)
    report_progress(v->r, "Reading", done, v->files.count);
}

static bool read_files(surveyor *v, error *err) {
  int threads = v->options->threads < v->options->preprocessing_n_workers
                    ? v->options->threads
                    : v->options->preprocessing_n_workers;
  bool memory = true;
  double start = clock_seconds();
#pragma omp parallel num_threads(threads) reduction(&& : memory)
  {
    float *signal = malloc(sizeof(float) * ECG_SAMPLES * ECG_LEADS);
    memory = memory && signal;
#pragma omp for schedule(dynamic, 8)
    for (size_t i = 0; i < v->files.count; i++) {
      if (signal && !cancelled(v))
        read_facts(v, i, signal);
      count_file(v);
    }
    free(signal);
  }
  v->s->preprocessing_seconds = passes * (clock_seconds() - start);
  if (!memory)
    return error_out_of_memory(err);
  return !cancelled(v) || error_set(err, ERROR_DATA, "interrupted");
}

static void count_kind(survey *s, const file_facts *f) {
  size_t k = 0;
  while (k < s->kind_count &&
         (strcmp(s->kinds[k].format, f->format) != 0 || s->kinds[k].sampling_rate_hz < f->sampling_rate_hz ||
          s->kinds[k].sampling_rate_hz > f->sampling_rate_hz || s->kinds[k].samples != f->samples))
    k++;
  if (k == SURVEY_KINDS) { /* one kind too many: the last and all that come are one */
    k--;
    s->kinds[k] = (survey_kind){"others", 0, 0, s->kinds[k].files};
  } else if (k == s->kind_count) {
    s->kinds[s->kind_count++] = (survey_kind){f->format, f->sampling_rate_hz, f->samples, 0};
  }
  s->kinds[k].files++;
}

static int most_files_first(const void *a, const void *b) {
  const survey_kind *x = a, *y = b;
  return (x->files < y->files) - (x->files > y->files);
}

static bool keep_example(survey *s, survey_example *examples, size_t number, const char *path,
                         const char *message, error *err) {
  if (number >= SURVEY_EXAMPLES)
    return true;
  examples[number].path = arena_strdup(s->memory, path, err);
  examples[number].message = arena_strdup(s->memory, message, err);
  return examples[number].path && examples[number].message;
}

static bool sum_up_files(surveyor *v, error *err) {
  survey *s = v->s;
  string_map stems = {0};
  bool ok = true;
  for (size_t i = 0; ok && i < v->files.count; i++) {
    const file_facts *f = &v->facts[i];
    s->warned += f->format && f->warned;
    if (f->format)
      count_kind(s, f);
    else
      ok = keep_example(s, s->failed_examples, s->failed++, v->files.paths[i],
                        f->problem ? f->problem : "out of memory", err);
    char *stem = ok ? path_stem(s->memory, v->files.paths[i], err) : NULL;
    size_t first;
    ok = stem && string_map_add(&stems, stem, i, &first, err);
    s->same_stem += ok && first != i;
  }
  for (size_t i = 0; ok && i < v->files.missing_count; i++)
    ok = keep_example(s, s->missing_examples, i, v->files.missing[i].name, v->files.missing[i].column, err);
  string_map_free(&stems);
  qsort(s->kinds, s->kind_count, sizeof *s->kinds, most_files_first);
  return ok;
}

static bool survey_files(surveyor *v, error *err) {
  v->s->files = v->files.count;
  v->s->missing = v->files.missing_count;
  v->facts = calloc(v->files.count ? v->files.count : 1, sizeof *v->facts);
  bool ok = (v->facts || error_out_of_memory(err)) && read_files(v, err) && sum_up_files(v, err);
  for (size_t i = 0; v->facts && i < v->files.count; i++)
    free(v->facts[i].problem);
  free(v->facts);
  return ok;
}

static bool survey_table(surveyor *v, const input_table *table, error *err) {
  v->s->rows = csv_table_rows(table->csv);
  bool ok = file_list_make(&v->files, table, v->options->ecg_signals_path, err) && survey_files(v, err);
  file_list_free(&v->files);
  return ok && survey_models_try(v->s, table, v->options, v->r, err);
}

bool survey_make(survey *s, const pipeline_options *options, const reporter *r, error *err) {
  *s = (survey){.memory = arena_create(err)};
  if (!s->memory)
    return false;
  surveyor v = {.s = s, .options = options, .r = r};
  input_table table;
  bool ok = input_table_open(&table, options->data_path, options->predictions_only, err) &&
            survey_table(&v, &table, err);
  input_table_close(&table);
  return ok;
}

void survey_clear(survey *s) {
  arena_destroy(s->memory);
  *s = (survey){0};
}
