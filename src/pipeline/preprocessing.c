#include "pipeline/preprocessing.h"

#include "base/atomic_file.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/leftovers.h"
#include "base/mapped_file.h"
#include "base/string_map.h"
#include "cleaning/cleaning.h"
#include "ecg/formats/format.h"
#include "pipeline/file_list.h"
#include "pipeline/paths.h"
#include "pipeline/preprocessed.h"
#include "pipeline/record_store.h"
#include "pipeline/summary.h"
#include "table/csv.h"

#include <errno.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
  SUM_BLOCK =
      8, /* records summed together; part of the definition of the result's last bits, whatever the threads */
  SIGNAL_VALUES = ECG_SAMPLES * ECG_LEADS
};

_Static_assert((int)CLEANING_SAMPLES == (int)ECG_SAMPLES && (int)CLEANING_LEADS == (int)ECG_LEADS,
               "one shape of a record");

typedef struct batch_record {
  const char *path, *stem;
  const char *format; /* of the report's xml_type */
  char *message;      /* owned; why it failed, or a warning; NULL: nothing */
  bool failed;
  double microvolts_per_unit; /* of the conformed numbers; 0: not declared */
  stored_signal signal;
} batch_record;

/* Seconds of all batches together. The two parts of the first pass are those of all threads together, divided
 * by the number of threads. */
typedef struct pass_times {
  double reading, summing, planning, cleaning;
} pass_times;

typedef struct batch {
  const pipeline_options *options;
  const reporter *r;
  size_t number; /* 1-based */
  batch_record *records;
  size_t count;
  size_t done; /* progress of the running pass */
  pass_times *times;
  spectrum_sum sum;
  cleaning_plan *plan;
  size_t unwritten;
  error first_unwritten;
} batch;

/* What one thread needs. */
typedef struct scratch {
  cleaning_workspace *workspace;
  float *signal;
  double reading, summing; /* seconds */
} scratch;

static bool scratch_make(scratch *s, error *err) {
  *s = (scratch){.workspace = cleaning_workspace_create(err),
                 .signal = malloc(SIGNAL_VALUES * sizeof *s->signal)};
  return s->workspace && (s->signal || error_out_of_memory(err));
}

static void scratch_free(scratch *s) {
  cleaning_workspace_destroy(s->workspace);
  free(s->signal);
}

static bool cancelled(const pipeline_options *options) {
  return options->cancelled && *options->cancelled;
}

static void record_fail(batch_record *record, const error *reason) {
  record->failed = true;
  free(record->message);
  record->message = strdup(reason->message);
  stored_signal_free(&record->signal);
}

static void count_progress(batch *b, const char *stage) {
  size_t done;
#pragma omp atomic capture
  done = ++b->done;
  if (omp_get_thread_num() == 0 || done == b->count)
#pragma omp critical(deepecg_progress)
    report_progress(b->r, stage, done, b->count);
}

/* A report's row names the file already: what is wrong with its content is said without the path. */
static bool read_file(const char *path, ecg_record *ecg, const char **report_name, error *err) {
  mapped_file file;
  *ecg = (ecg_record){0};
  if (!mapped_file_open(&file, path, err))
    return false;
  bool ok = ecg_read(file.data, file.size, ecg, report_name, err);
  mapped_file_close(&file);
  return ok;
}

/* Read one file into its stored signal; on success `signal` holds it too. */
static void read_record(batch_record *record, const pipeline_options *options, float *signal) {
  error reason;
  ecg_record ecg;
  const char *report_name = "Unknown";
  char warning[256] = "";
  bool ok = read_file(record->path, &ecg, &report_name, &reason);
  record->format = report_name;
  if (ok) {
    record->microvolts_per_unit = ecg_conformed_unit(&ecg, options->units);
    ok = ecg_conform(&ecg, options->units, signal, warning, sizeof warning, &reason) &&
         stored_signal_keep(&record->signal, signal, &reason);
    if (ok && (*warning || *ecg.warning)) {
      buffer text = {0};
      buffer_printf(&text, NULL, "warning: %s%s%s", ecg.warning, *warning && *ecg.warning ? "; " : "",
                    warning);
      record->message = text.data;
    }
    ecg_record_clear(&ecg);
  }
  if (!ok)
    record_fail(record, &reason);
}

static void read_and_sum(const batch *b, batch_record *record, spectrum_sum *sum, scratch *s) {
  double start = clock_seconds();
  read_record(record, b->options, s->signal);
  double between = clock_seconds();
  if (!record->failed)
    spectrum_sum_add(sum, s->signal, s->workspace);
  s->reading += between - start;
  s->summing += clock_seconds() - between;
}

/* The sum of a block's spectra; NULL: out of memory. */
static spectrum_sum *read_block(batch *b, size_t block, scratch *s) {
  spectrum_sum *sum = calloc(1, sizeof *sum);
  size_t first = block * SUM_BLOCK;
  for (size_t i = first; sum && i < first + SUM_BLOCK && i < b->count; i++) {
    batch_record *record = &b->records[i];
    if (!record->failed && !cancelled(b->options))
      read_and_sum(b, record, sum, s);
    count_progress(b, "Reading ECGs");
  }
  return sum;
}

/* Sums of blocks that came before their turn. */
typedef struct block_sums {
  spectrum_sum **waiting; /* per block; NULL: not there */
  size_t count, next;     /* the block that is to be added next */
} block_sums;

/* Blocks are added in their order: the sum doesn't depend on who computed them, and nobody waits for the turn
 * of his. */
static void add_in_order(batch *b, block_sums *sums, size_t block, spectrum_sum *sum) {
#pragma omp critical(deepecg_sums)
  {
    sums->waiting[block] = sum;
    for (; sums->next < sums->count && sums->waiting[sums->next]; sums->next++) {
      spectrum_sum_merge(&b->sum, sums->waiting[sums->next]);
      free(sums->waiting[sums->next]);
      sums->waiting[sums->next] = NULL;
    }
  }
}

static void collect_times(const batch *b, const scratch *s, int threads) {
#pragma omp critical(deepecg_times)
  {
    b->times->reading += s->reading / threads;
    b->times->summing += s->summing / threads;
  }
}

static bool read_blocks(batch *b, block_sums *sums, int threads, error *err) {
  bool ok = true;
#pragma omp parallel num_threads(threads)
  {
    scratch s;
    error reason;
    bool ready = scratch_make(&s, &reason);
#pragma omp for schedule(dynamic, 1)
    for (size_t block = 0; block < sums->count; block++) {
      spectrum_sum *sum = ready ? read_block(b, block, &s) : NULL;
      if (sum)
        add_in_order(b, sums, block, sum);
      else
        ready = error_out_of_memory(&reason);
    }
    if (!ready)
#pragma omp critical(deepecg_scratch)
    {
      ok = false;
      if (err)
        *err = reason;
    }
    collect_times(b, &s, threads);
    scratch_free(&s);
  }
  return ok;
}

/* First pass: read every file, sum the spectra. */
static bool read_all(batch *b, error *err) {
  int workers = b->options->preprocessing_n_workers;
  int threads = workers < b->options->threads ? workers : b->options->threads;
  block_sums sums = {.count = (b->count + SUM_BLOCK - 1) / SUM_BLOCK};
  sums.waiting = calloc(sums.count, sizeof *sums.waiting);
  b->done = 0;
  bool ok = sums.waiting ? read_blocks(b, &sums, threads, err) : error_out_of_memory(err);
  for (size_t i = 0; sums.waiting && i < sums.count; i++)
    free(sums.waiting[i]);
  free(sums.waiting);
  return ok;
}

static void clean_record(batch *b, batch_record *record, scratch *s) {
  error reason;
  arena *memory = arena_create(&reason);
  char *path =
      memory ? preprocessed_path(memory, b->options->preprocessing_folder, record->stem, &reason) : NULL;
  stored_signal_get(&record->signal, s->signal);
  stored_signal_free(&record->signal);
  cleaning_apply(b->plan, s->signal, s->signal, s->workspace);
  if (!path || !preprocessed_write(path, s->signal, &reason)) {
    record_fail(record, &reason);
#pragma omp critical(deepecg_unwritten)
    if (b->unwritten++ == 0)
      b->first_unwritten = reason;
  }
  arena_destroy(memory);
}

/* Second pass: scale, flatten, write. */
static bool clean_all(batch *b, error *err) {
  bool ok = true;
  b->done = 0;
#pragma omp parallel num_threads(b->options->threads)
  {
    scratch s;
    error reason;
    bool ready = scratch_make(&s, &reason);
    if (!ready)
#pragma omp critical(deepecg_scratch)
    {
      ok = false;
      if (err)
        *err = reason;
    }
#pragma omp for schedule(dynamic, 4)
    for (size_t i = 0; i < b->count; i++) {
      if (ready && !b->records[i].failed && !cancelled(b->options))
        clean_record(b, &b->records[i], &s);
      count_progress(b, "Cleaning ECGs");
    }
    scratch_free(&s);
  }
  return ok;
}

/* The cleaning couples the records of a batch through their power: units that differ would clean some of them
 * wrongly. */
static void warn_of_units(const batch *b) {
  double smallest = 0, largest = 0;
  for (size_t i = 0; i < b->count; i++) {
    double unit = b->records[i].failed ? 0 : b->records[i].microvolts_per_unit;
    if (unit > 0 && (smallest == 0 || unit < smallest))
      smallest = unit;
    if (unit > largest)
      largest = unit;
  }
  if (largest > 1.1 * smallest)
    report(b->r, REPORT_WARNING,
           "batch %zu mixes units of %g and %g uV per count; the records are scaled together (see --units "
           "physical)",
           b->number, smallest, largest);
}

static void fail_batch(batch *b, const error *reason, error_list *errors) {
  char source[64];
  snprintf(source, sizeof source, "preprocessing batch %zu", b->number);
  error_list_add(errors, source, "the batch could not be cleaned", reason->message);
  for (size_t i = 0; i < b->count; i++)
    if (!b->records[i].failed)
      record_fail(&b->records[i], reason);
}

static bool clean_batch(batch *b, error_list *errors, error *err) {
  if (!read_all(b, err))
    return false;
  if (cancelled(b->options))
    return error_set(err, ERROR_DATA, "interrupted");
  warn_of_units(b);
  if (b->sum.records == 0)
    return true; /* every record failed alone; the reports say why */
  error reason;
  double start = clock_seconds();
  b->plan = cleaning_plan_create(&b->sum, &reason);
  b->times->planning += clock_seconds() - start;
  if (!b->plan) {
    fail_batch(b, &reason, errors);
    return true;
  }
  report(b->r, REPORT_INFO, "batch %zu: scale %.6g, %zu spectral region%s flattened", b->number,
         b->plan->factor, b->plan->region_count, b->plan->region_count == 1 ? "" : "s");
  start = clock_seconds();
  bool clean = clean_all(b, err);
  b->times->cleaning += clock_seconds() - start;
  if (!clean)
    return false;
  if (cancelled(b->options))
    return error_set(err, ERROR_DATA, "interrupted");
  if (b->unwritten) {
    char message[96];
    snprintf(message, sizeof message, "batch %zu: %zu cleaned ECGs could not be written", b->number,
             b->unwritten);
    error_list_add(errors, "preprocessing", message, b->first_unwritten.message);
  }
  return sync_file_system(b->options->preprocessing_folder, err);
}

static bool write_detailed_report(const batch *b, atomic_file *file, error *err) {
  csv_writer w = {.file = file};
  bool ok = atomic_file_printf(file, err, "file_id,xml_type,status,message\n");
  for (size_t i = 0; i < b->count && ok; i++) {
    const batch_record *record = &b->records[i];
    ok = csv_write_cell(&w, record->stem, err) && csv_write_cell(&w, record->format, err) &&
         csv_write_cell(&w, record->failed ? "Failed" : "Success", err) &&
         csv_write_cell(&w, record->message ? record->message : "", err) && csv_end_row(&w, err);
  }
  return ok;
}

enum { MAX_FORMATS = 32 };

typedef struct format_count {
  const char *name;
  size_t count;
} format_count;

/* Most frequent first; among equals the one seen first. */
static size_t count_formats(const batch *b, format_count counts[MAX_FORMATS]) {
  size_t n = 0;
  for (size_t i = 0; i < b->count; i++) {
    size_t k = 0;
    while (k < n && strcmp(counts[k].name, b->records[i].format) != 0)
      k++;
    if (k == n && n < MAX_FORMATS)
      counts[n++] = (format_count){b->records[i].format, 0};
    if (k < n)
      counts[k].count++;
  }
  for (size_t i = 1; i < n; i++) {
    format_count moved = counts[i];
    size_t k = i;
    for (; k > 0 && counts[k - 1].count < moved.count; k--)
      counts[k] = counts[k - 1];
    counts[k] = moved;
  }
  return n;
}

static bool write_summary_report(const batch *b, atomic_file *file, error *err) {
  size_t failed = 0;
  for (size_t i = 0; i < b->count; i++)
    failed += b->records[i].failed;
  format_count counts[MAX_FORMATS];
  size_t formats = count_formats(b, counts);
  bool ok =
      atomic_file_printf(file, err, "Metric,Value\nTotal Files,%zu\nSuccessful Files,%zu\nFailed Files,%zu\n",
                         b->count, b->count - failed, failed);
  for (size_t i = 0; i < formats && ok; i++)
    ok = atomic_file_printf(file, err, "XML Type: %s,%zu\n", counts[i].name, counts[i].count);
  return ok;
}

static bool save_report(const batch *b, arena *memory, const char *name,
                        bool (*write)(const batch *, atomic_file *, error *), error *err) {
  char *path = arena_printf(memory, err, "%s/batch_%zu/%s", b->options->output_folder, b->number, name);
  atomic_file *file = path ? atomic_file_create(path, ATOMIC_FILE_REPLACE, err) : NULL;
  if (!file)
    return false;
  if (!write(b, file, err)) {
    atomic_file_discard(file);
    return false;
  }
  return atomic_file_commit(file, true, err);
}

static bool write_reports(const batch *b, arena *memory, error *err) {
  char *folder = arena_printf(memory, err, "%s/batch_%zu", b->options->output_folder, b->number);
  if (!folder || !make_folders(folder, err))
    return false;
  leftovers_remove(folder);
  return save_report(b, memory, "ecg_processing_detailed_report.csv", write_detailed_report, err) &&
         save_report(b, memory, "ecg_processing_summary_report.csv", write_summary_report, err);
}

static void add_to_summary(const batch *b, run_summary *summary) {
  for (size_t i = 0; i < b->count; i++) {
    summary->failed += b->records[i].failed;
    summary->cleaned += !b->records[i].failed;
    summary->warnings += !b->records[i].failed && b->records[i].message;
  }
}

static void batch_free(batch *b) {
  for (size_t i = 0; b->records && i < b->count; i++) {
    free(b->records[i].message);
    stored_signal_free(&b->records[i].signal);
  }
  free(b->records);
  cleaning_plan_destroy(b->plan);
}

/* Give every path its stem; a stem that an earlier file of the run has fails: both would be written to one
 * place. */
static bool name_records(batch *b, const file_list *files, size_t first, string_map *stems, error *err) {
  for (size_t i = 0; i < b->count; i++) {
    batch_record *record = &b->records[i];
    record->path = files->paths[first + i];
    record->format = "Unknown";
    char *stem = path_stem(files->memory, record->path, err);
    size_t owner;
    if (!stem || !string_map_add(stems, stem, first + i, &owner, err))
      return false;
    record->stem = stem;
    if (owner != first + i) {
      error reason;
      error_set(&reason, ERROR_DATA, "%s and %s would both be written to %s.base64", files->paths[owner],
                record->path, stem);
      record_fail(record, &reason);
    }
  }
  return true;
}

static bool add_to_lost(const batch *b, lost_files *lost, error *err) {
  bool ok = true;
  for (size_t i = 0; i < b->count && ok; i++)
    ok = !b->records[i].failed || lost_files_add(lost, b->records[i].path, err);
  return ok;
}

static bool run_batch(batch *b, const file_list *files, size_t first, string_map *stems, error_list *errors,
                      run_summary *summary, lost_files *lost, error *err) {
  b->records = calloc(b->count, sizeof *b->records);
  if (!b->records)
    return error_out_of_memory(err);
  bool ok = name_records(b, files, first, stems, err) && clean_batch(b, errors, err) &&
            write_reports(b, files->memory, err) && add_to_lost(b, lost, err);
  if (ok)
    add_to_summary(b, summary);
  batch_free(b);
  return ok;
}

static bool run_batches(const file_list *files, const pipeline_options *options, const reporter *r,
                        error_list *errors, run_summary *summary, lost_files *lost, error *err) {
  string_map stems = {0};
  batch *b = malloc(sizeof *b);
  bool ok = b || error_out_of_memory(err);
  size_t number = 0;
  pass_times times = {0};
  for (size_t first = 0; first < files->count && ok; first += b->count) {
    size_t left = files->count - first;
    *b = (batch){.options = options,
                 .r = r,
                 .number = ++number,
                 .times = &times,
                 .count = left < options->batch_records ? left : options->batch_records};
    ok = run_batch(b, files, first, &stems, errors, summary, lost, err);
  }
  free(b);
  string_map_free(&stems);
  summary_add_stage(summary, times.reading, "preprocessing: read files");
  summary_add_stage(summary, times.summing, "preprocessing: sum spectra");
  summary_add_stage(summary, times.planning, "preprocessing: find peaks and their ranges");
  summary_add_stage(summary, times.cleaning, "preprocessing: flatten, write");
  return ok;
}

static bool write_missing(const file_list *files, const pipeline_options *options, const run_summary *summary,
                          error *err) {
  char *path =
      arena_printf(files->memory, err, "%s/missing_files_%s.csv", options->output_folder, summary->stamp);
  atomic_file *file = path ? atomic_file_create(path, ATOMIC_FILE_NEW, err) : NULL;
  if (!file)
    return false;
  csv_writer w = {.file = file};
  buffer missing = {0};
  bool ok = atomic_file_printf(file, err, "variable,file_name,ecg_path\n");
  for (size_t i = 0; i < files->missing_count && ok; i++)
    ok = path_join_into(&missing, options->ecg_signals_path, files->missing[i].name, err) &&
         csv_write_cell(&w, files->missing[i].column, err) &&
         csv_write_cell(&w, files->missing[i].name, err) && csv_write_cell(&w, missing.data, err) &&
         csv_end_row(&w, err);
  buffer_free(&missing);
  if (!ok) {
    atomic_file_discard(file);
    return false;
  }
  return atomic_file_commit(file, true, err);
}

static const char *none_there(const pipeline_options *options, error *reason) {
  struct stat status;
  const char *folder = options->ecg_signals_path;
  if (stat(folder, &status) != 0)
    error_set_errno(reason, errno, "none of the table's ECG files is there: %s", folder);
  else if (!S_ISDIR(status.st_mode))
    error_set(reason, ERROR_IO, "none of the table's ECG files is there: %s is not a folder", folder);
  else
    error_set(reason, ERROR_IO, "none of the table's ECG files is there");
  return reason->message;
}

bool preprocessing_run(const input_table *table, const pipeline_options *options, const reporter *r,
                       error_list *errors, run_summary *summary, lost_files *lost, error *err) {
  file_list files;
  error reason;
  bool ok = file_list_make(&files, table, options->ecg_signals_path, err) &&
            make_folders(options->preprocessing_folder, err);
  if (ok)
    leftovers_remove(options->preprocessing_folder);
  summary->files = files.count;
  summary->missing_files = files.missing_count;
  if (ok && files.missing_count) {
    report(r, REPORT_WARNING, "%zu file names of the table are not in %s; see missing_files_%s.csv",
           files.missing_count, options->ecg_signals_path, summary->stamp);
    ok = write_missing(&files, options, summary, err);
  }
  ok = ok && run_batches(&files, options, r, errors, summary, lost, err);
  if (ok && summary->cleaned == 0 && (files.count || files.missing_count))
    error_list_add(errors, "preprocessing", "No data was successfully processed",
                   files.count ? "the batch reports say why" : none_there(options, &reason));
  file_list_free(&files);
  return ok;
}
