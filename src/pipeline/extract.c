#include "pipeline/extract.h"

#include "base/atomic_file.h"
#include "base/leftovers.h"
#include "base/mapped_file.h"
#include "ecg/conform.h"
#include "ecg/formats/dicom.h"
#include "ecg/formats/npy.h"
#include "pipeline/file_tree.h"
#include "pipeline/paths.h"
#include "table/csv.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char extract_table_name[] = "table.csv", extract_report_name[] = "extract_report.csv";

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "floats are written as they lie in memory");

enum { NAME_SIZE = 48 };

typedef enum item_state { ITEM_SKIPPED, ITEM_WANTED, ITEM_EXTRACTED, ITEM_FAILED } item_state;

/* One file of the tree. */
typedef struct item {
  const char *path; /* below the DICOM folder */
  dicom_kind kind;
  item_state state;
  size_t number;    /* of its array */
  char *statements; /* owned; NULL: none */
  char *message;    /* owned; why it failed, or a warning; NULL: nothing */
} item;

typedef struct extraction {
  const extract_options *options;
  const reporter *r;
  file_tree tree;
  item *items;
  size_t count, done;
} extraction;

static void item_fail(item *it, const char *reason) {
  it->state = ITEM_FAILED;
  free(it->message);
  it->message = strdup(reason);
}

static bool cancelled(const extraction *x) {
  return x->options->cancelled && *x->options->cancelled;
}

static void array_name(const item *it, char name[NAME_SIZE]) {
  snprintf(name, NAME_SIZE, "ecg_signal_%zu.npy", it->number);
}

static void count_progress(extraction *x, const char *stage) {
  size_t done;
#pragma omp atomic capture
  done = ++x->done;
  if (omp_get_thread_num() == 0 || done == x->count)
#pragma omp critical(deepecg_progress)
    report_progress(x->r, stage, done, x->count);
}

/* ---- What the files are ---- */

static bool open_item(const extraction *x, const item *it, mapped_file *file, error *err) {
  arena *memory = arena_create(err);
  char *path = memory ? path_join(memory, x->options->dicom_folder, it->path, err) : NULL;
  bool opened = path && mapped_file_open(file, path, err);
  arena_destroy(memory);
  return opened;
}

static void look_at(const extraction *x, item *it) {
  mapped_file file;
  error reason;
  if (it->state == ITEM_FAILED)
    return;
  if (!open_item(x, it, &file, &reason)) {
    item_fail(it, reason.message);
    return;
  }
  it->kind = dicom_kind_of(file.data, file.size);
  it->state = it->kind == DICOM_WAVEFORM ? ITEM_WANTED : ITEM_SKIPPED;
  mapped_file_close(&file);
}

static void look_at_all(extraction *x) {
  x->done = 0;
#pragma omp parallel for schedule(dynamic, 16) num_threads(x->options->threads)
  for (size_t i = 0; i < x->count; i++) {
    if (!cancelled(x))
      look_at(x, &x->items[i]);
    count_progress(x, "Looking for DICOM files");
  }
}

static void number_items(extraction *x) {
  size_t next = 0;
  for (size_t i = 0; i < x->count; i++)
    if (x->items[i].state == ITEM_WANTED)
      x->items[i].number = next++;
}

/* ---- Extracting ---- */

static bool save_array(const extraction *x, const item *it, const float *signal, size_t samples, error *err) {
  char name[NAME_SIZE];
  buffer bytes = {0}, path = {0};
  array_name(it, name);
  bool done = buffer_printf(&path, err, "%s/%s", x->options->out_folder, name) &&
              npy_append_header(&bytes, "<f4", samples, err) &&
              buffer_append(&bytes, signal, samples * ECG_LEADS * sizeof *signal, err) &&
              atomic_file_save(path.data, ATOMIC_FILE_REPLACE, false, bytes.data, bytes.size, err);
  buffer_free(&bytes);
  buffer_free(&path);
  return done;
}

static bool keep_texts(item *it, const ecg_record *record, const char *warning, error *err) {
  buffer text = {0};
  if (*record->statements && !(it->statements = strdup(record->statements)))
    return error_out_of_memory(err);
  if (!*record->warning && !*warning)
    return true;
  bool done = buffer_printf(&text, err, "warning: %s%s%s", record->warning,
                            *record->warning && *warning ? "; " : "", warning);
  it->message = text.data;
  return done;
}

static bool extract_record(const extraction *x, item *it, const ecg_record *record, error *err) {
  char warning[256];
  float *signal;
  size_t samples;
  if (!ecg_conform_whole(record, ECG_UNITS_STORED, &signal, &samples, warning, sizeof warning, err))
    return false;
  bool done = keep_texts(it, record, warning, err) && save_array(x, it, signal, samples, err);
  free(signal);
  return done;
}

static void extract_item(const extraction *x, item *it) {
  mapped_file file;
  ecg_record record = {0};
  error reason;
  bool opened = open_item(x, it, &file, &reason);
  bool done = opened && ecg_read(file.data, file.size, &record, NULL, &reason) &&
              extract_record(x, it, &record, &reason);
  ecg_record_clear(&record);
  if (opened)
    mapped_file_close(&file);
  if (done)
    it->state = ITEM_EXTRACTED;
  else
    item_fail(it, reason.message);
}

static void extract_all(extraction *x) {
  x->done = 0;
#pragma omp parallel for schedule(dynamic, 4) num_threads(x->options->threads)
  for (size_t i = 0; i < x->count; i++) {
    if (x->items[i].state == ITEM_WANTED && !cancelled(x))
      extract_item(x, &x->items[i]);
    count_progress(x, "Extracting ECGs");
  }
}

/* ---- Tables ---- */

static bool write_table(const extraction *x, atomic_file *file, error *err) {
  csv_writer w = {.file = file};
  bool ok = atomic_file_printf(file, err, "77_classes_ecg_file_name,ecg_machine_diagnosis\n");
  for (size_t i = 0; i < x->count && ok; i++) {
    const item *it = &x->items[i];
    char name[NAME_SIZE];
    if (it->state != ITEM_EXTRACTED)
      continue;
    array_name(it, name);
    ok = csv_write_cell(&w, name, err) && csv_write_cell(&w, it->statements ? it->statements : "", err) &&
         csv_end_row(&w, err);
  }
  return ok;
}

static bool write_report(const extraction *x, atomic_file *file, error *err) {
  csv_writer w = {.file = file};
  bool ok = atomic_file_printf(file, err, "dicom_path,77_classes_ecg_file_name,status,message\n");
  for (size_t i = 0; i < x->count && ok; i++) {
    const item *it = &x->items[i];
    char name[NAME_SIZE] = "";
    if (it->state == ITEM_SKIPPED)
      continue;
    if (it->state == ITEM_EXTRACTED)
      array_name(it, name);
    ok = csv_write_cell(&w, it->path, err) && csv_write_cell(&w, name, err) &&
         csv_write_cell(&w, it->state == ITEM_FAILED ? "Failed" : "Success", err) &&
         csv_write_cell(&w, it->message ? it->message : "", err) && csv_end_row(&w, err);
  }
  return ok;
}

static bool save_table(const extraction *x, const char *name,
                       bool (*write)(const extraction *, atomic_file *, error *), error *err) {
  buffer path = {0};
  atomic_file *file = NULL;
  if (buffer_printf(&path, err, "%s/%s", x->options->out_folder, name))
    file = atomic_file_create(path.data, ATOMIC_FILE_REPLACE, err);
  buffer_free(&path);
  if (!file)
    return false;
  if (write(x, file, err))
    return atomic_file_commit(file, true, err);
  atomic_file_discard(file);
  return false;
}

/* ---- The whole ---- */

static bool make_items(extraction *x, error *err) {
  x->count = x->tree.count;
  x->items = calloc(x->count ? x->count : 1, sizeof *x->items);
  if (!x->items)
    return error_out_of_memory(err);
  for (size_t i = 0; i < x->count; i++) {
    x->items[i].path = x->tree.entries[i].path;
    if (x->tree.entries[i].problem)
      item_fail(&x->items[i], x->tree.entries[i].problem);
  }
  return true;
}

static void sum_up(const extraction *x, extract_summary *summary) {
  *summary = (extract_summary){.files = x->count};
  for (size_t i = 0; i < x->count; i++) {
    const item *it = &x->items[i];
    summary->extracted += it->state == ITEM_EXTRACTED;
    summary->failed += it->state == ITEM_FAILED;
    summary->without_statements += it->state == ITEM_EXTRACTED && !it->statements;
    summary->warnings += it->state == ITEM_EXTRACTED && it->message;
    summary->not_dicom += it->state == ITEM_SKIPPED && it->kind == DICOM_NONE;
    summary->other_objects += it->state == ITEM_SKIPPED && it->kind == DICOM_OTHER;
  }
}

static void extraction_free(extraction *x) {
  for (size_t i = 0; x->items && i < x->count; i++) {
    free(x->items[i].statements);
    free(x->items[i].message);
  }
  free(x->items);
  file_tree_free(&x->tree);
}

static bool run(extraction *x, extract_summary *summary, error *err) {
  if (!file_tree_list(&x->tree, x->options->dicom_folder, err) || !make_items(x, err) ||
      !make_folders(x->options->out_folder, err))
    return false;
  leftovers_remove(x->options->out_folder);
  look_at_all(x);
  number_items(x);
  extract_all(x);
  sum_up(x, summary);
  if (cancelled(x))
    return error_set(err, ERROR_DATA, "interrupted: %zu ECGs extracted, no table written",
                     summary->extracted);
  /* No table may outlive a power failure that its arrays don't. */
  return sync_file_system(x->options->out_folder, err) &&
         save_table(x, extract_report_name, write_report, err) &&
         save_table(x, extract_table_name, write_table, err);
}

bool extract_run(const extract_options *options, const reporter *r, extract_summary *summary, error *err) {
  extraction x = {.options = options, .r = r};
  *summary = (extract_summary){0};
  bool done = run(&x, summary, err);
  extraction_free(&x);
  return done;
}
