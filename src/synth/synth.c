#include "synth/synth.h"

#include "base/atomic_file.h"
#include "base/leftovers.h"
#include "synth/tables.h"
#include "synth/writers/writer.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

/* Records between two reports of progress; their rows are kept until all of them are done, so that rows are
 * in order. */
enum { RECORDS_PER_STEP = 256 };

const char *const synth_format_names[SYNTH_FORMAT_COUNT] = {"muse", "cardiosoft", "npy", "mixed"};
const char *const synth_leads_names[SYNTH_LEADS_COUNT] = {"usual", "8", "12", "mixed"};

synth_options synth_defaults(void) {
  return (synth_options){.count = 100,
                         .seed = 1,
                         .format = SYNTH_MUSE,
                         .leads = SYNTH_LEADS_USUAL,
                         .rate_hz = 500,
                         .hum_hz = 60,
                         .hum_microvolts = 25};
}

static bool check_options(const synth_options *o, error *err) {
  if (o->count < 1 || o->count > SYNTH_MAX_COUNT)
    return error_set(err, ERROR_USAGE, "The number of records is %zu, not from 1 to %d", o->count,
                     SYNTH_MAX_COUNT);
  if (o->rate_hz != 500 && o->rate_hz != 250 && o->rate_hz != SYNTH_RATE_MIXED)
    return error_set(err, ERROR_USAGE, "The sampling rate is %u Hz, not 250 or 500", o->rate_hz);
  if (!(o->hum_hz >= 0 && o->hum_hz <= 100))
    return error_set(err, ERROR_USAGE, "The mains frequency is not from 0 to 100 Hz");
  if (!(o->hum_microvolts >= 0 && o->hum_microvolts <= 1000))
    return error_set(err, ERROR_USAGE, "The amplitude of the hum is not from 0 to 1000 uV");
  if ((unsigned)o->format >= SYNTH_FORMAT_COUNT || (unsigned)o->leads >= SYNTH_LEADS_COUNT)
    return error_set(err, ERROR_USAGE, "Unknown format or number of leads");
  return true;
}

/* What a thread needs to make one record after another. */
typedef struct workshop {
  synth_record record;
  buffer bytes, path;
} workshop;

static bool make_record(workshop *shop, const char *folder, const synth_options *options, size_t index,
                        table_row *row, error *err) {
  synth_record *record = &shop->record;
  synth_record_make(record, options, index);
  const synth_writer *writer = synth_writer_of(record->format);
  char name[32];
  snprintf(name, sizeof name, "ecg_%06zu%s", index, writer->extension);
  buffer_clear(&shop->bytes);
  buffer_clear(&shop->path);
  return writer->write(record, &shop->bytes, err) && buffer_printf(&shop->path, err, "%s/%s", folder, name) &&
         atomic_file_save(shop->path.data, ATOMIC_FILE_REPLACE, false, shop->bytes.data, shop->bytes.size,
                          err) &&
         table_row_fill(row, record, name, err);
}

/* The whole run. */
typedef struct factory {
  const char *folder;
  const synth_options *options;
  workshop **shops; /* one per thread */
  int threads;
  table_row rows[RECORDS_PER_STEP];
  atomic_file *table, *truth; /* truth: NULL where nobody asked for it */
} factory;

static void factory_clear(factory *f) {
  for (int i = 0; f->shops != NULL && i < f->threads; i++) {
    if (f->shops[i] == NULL)
      continue;
    buffer_free(&f->shops[i]->bytes);
    buffer_free(&f->shops[i]->path);
    free(f->shops[i]);
  }
  free(f->shops);
  for (size_t i = 0; i < RECORDS_PER_STEP; i++)
    buffer_free(&f->rows[i].statements);
  atomic_file_discard(f->table);
  atomic_file_discard(f->truth);
}

static atomic_file *open_table(const char *folder, const char *name, error *err) {
  buffer path = {0};
  atomic_file *file = NULL;
  if (buffer_printf(&path, err, "%s/%s", folder, name))
    file = atomic_file_create(path.data, ATOMIC_FILE_REPLACE, err);
  buffer_free(&path);
  return file;
}

static bool factory_open(factory *f, error *err) {
  f->threads = omp_get_max_threads();
  f->shops = calloc((size_t)f->threads, sizeof *f->shops);
  if (f->shops == NULL)
    return error_out_of_memory(err);
  for (int i = 0; i < f->threads; i++) {
    f->shops[i] = calloc(1, sizeof *f->shops[i]);
    if (f->shops[i] == NULL)
      return error_out_of_memory(err);
  }
  f->table = open_table(f->folder, "table.csv", err);
  if (f->table == NULL || !table_write_header(&(csv_writer){.file = f->table}, err))
    return false;
  if (!f->options->truth)
    return true;
  f->truth = open_table(f->folder, "truth.csv", err);
  return f->truth != NULL && truth_write_header(&(csv_writer){.file = f->truth}, err);
}

/* Make records first .. first + count - 1. Of several failures that of the lowest index is reported. */
static bool make_step(factory *f, size_t first, size_t count, error *err) {
  size_t failed = count;
  error failure = {0};
#pragma omp parallel for schedule(dynamic, 4) num_threads(f->threads)
  for (size_t i = 0; i < count; i++) {
    error mine = {0};
    if (make_record(f->shops[omp_get_thread_num()], f->folder, f->options, first + i, &f->rows[i], &mine))
      continue;
#pragma omp critical(synth_failure)
    if (i < failed) {
      failed = i;
      failure = mine;
    }
  }
  if (failed == count)
    return true;
  return error_set(err, failure.code, "%s", failure.message);
}

static bool write_rows(factory *f, size_t count, error *err) {
  csv_writer table = {.file = f->table}, truth = {.file = f->truth};
  for (size_t i = 0; i < count; i++) {
    if (!table_write_row(&table, &f->rows[i], err) ||
        (f->truth != NULL && !truth_write_row(&truth, &f->rows[i], err)))
      return false;
  }
  return true;
}

static bool make_all(factory *f, const reporter *r, error *err) {
  size_t total = f->options->count;
  for (size_t first = 0; first < total; first += RECORDS_PER_STEP) {
    size_t count = total - first < RECORDS_PER_STEP ? total - first : RECORDS_PER_STEP;
    if (f->options->cancelled && *f->options->cancelled)
      return error_set(err, ERROR_DATA, "interrupted: %zu ECGs written, no table", first);
    if (!make_step(f, first, count, err) || !write_rows(f, count, err))
      return false;
    report_progress(r, "Synthesising", first + count, total);
  }
  return true;
}

static bool commit(atomic_file **file, error *err) {
  atomic_file *committed = *file;
  *file = NULL;
  return committed == NULL || atomic_file_commit(committed, false, err);
}

bool synth_write(const char *folder, const synth_options *options, const reporter *r, error *err) {
  if (!check_options(options, err) || !make_folders(folder, err))
    return false;
  factory *f = calloc(1, sizeof *f);
  if (f == NULL)
    return error_out_of_memory(err);
  leftovers_remove(folder);
  f->folder = folder;
  f->options = options;
  bool done = factory_open(f, err) && make_all(f, r, err) && commit(&f->truth, err) && commit(&f->table, err);
  factory_clear(f);
  free(f);
  return done;
}
